/* Charts of the leader's page, drawn by ECharts as SVG from the JSON beside each of them. The table below holds the
   same numbers; it is open in the page, and is folded away only when its chart has been drawn. Nothing is reckoned here. */
(function () {
  "use strict";
  var echarts = window.echarts;
  var boxes = Array.from(document.querySelectorAll("[data-chart]"));
  if (!echarts || !boxes.length) return;

  var NARROW = 576;   // a heat map of many columns says nothing on a phone: the table stays
  var PAGE = 664;     // printable width of A4 at 96 dpi, in CSS pixels, inside a panel
  var root = getComputedStyle(document.documentElement);
  var FONT = getComputedStyle(document.body).fontFamily;
  function token(name) { return root.getPropertyValue("--" + name).trim(); }
  var C = {};
  ["ink-800", "ink-600", "ink-400", "ink-300", "ink-200", "ink-100", "ink-50", "amber-100", "amber-800",
    "gray-900", "gray-700", "gray-600", "gray-300", "gray-200", "gray-100", "white"].forEach(function (name) { C[name] = token(name); });

  function number(text) { return text === null || text === undefined ? null : Number(text); }
  // What ECharts takes for markup in a text of its own is shown as it is.
  function words(text) { return String(text).replace(/\{/g, "｛").replace(/\}/g, "｝"); }
  function shown(text) { return text === null || text === undefined ? "—" : String(text).replace(/^-/, "−").replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, ""); }
  function signed(text) { return Number(text) > 0 ? "+" + shown(text) : shown(text); }
  // A text cut to a width in pixels; a Chinese character is as wide as the type is high.
  function cut(text, width, size) {
    var used = 0;
    for (var n = 0; n < text.length; n += 1) {
      used += text.charCodeAt(n) > 255 ? size : size * 0.58;
      if (used > width) return text.slice(0, Math.max(1, n - 1)) + "…";
    }
    return text;
  }
  function breadth(text, size) {
    return Array.from(text).reduce(function (sum, c) { return sum + (c.charCodeAt(0) > 255 ? size : size * 0.58); }, 0);
  }
  function type(size, colour) { return { fontFamily: FONT, fontSize: size, color: colour || C["gray-700"] }; }
  function tip(formatter) {
    return {
      renderMode: "richText", confine: true, trigger: "item", formatter: formatter, transitionDuration: 0,
      backgroundColor: C.white, borderColor: C["gray-300"], borderWidth: 1, padding: [6, 10], textStyle: type(13, C["gray-900"])
    };
  }
  function base(extra) {
    return Object.assign({ animation: false, textStyle: { fontFamily: FONT } }, extra);
  }
  function names(data, width, size) {
    return {
      type: "category", data: data, inverse: true, axisTick: { show: false }, axisLine: { show: false },
      axisLabel: Object.assign(type(size, C["gray-900"]), { interval: 0, width: width, formatter: function (name) { return cut(words(name), width, size); } })
    };
  }
  function labelWidth(list, size, most) {
    return Math.min(most, Math.ceil(Math.max.apply(null, list.map(function (name) { return breadth(name, size); }).concat([40]))) + 4);
  }
  function scale(extra, size) {
    return Object.assign({ type: "value", axisLabel: type(size), axisLine: { show: false }, splitLine: { lineStyle: { color: C["gray-200"] } } }, extra);
  }

  // One function per kind: (data, width, print) -> {height, option, click}.
  var KINDS = {
    heat: function (data, width, print) {
      var size = print ? 9 : 12, rows = data.rows.map(function (r) { return r.name; }), n = data.columns.length;
      var left = labelWidth(rows, size, print ? 96 : 168) + 8;
      var cell = (width - left - 4) / n;
      var high = print ? Math.max(9, Math.min(18, 780 / (rows.length + 1))) : 24;
      var digits = Math.min(print ? 10 : 12, print ? Math.min(cell / 1.75, high - 1) : 12);
      var flat = cell >= 52;
      var most = flat ? 1 : Math.max.apply(null, data.columns.map(function (c) { return Array.from(c.short).length; }));
      var head = (print ? 10 : 14) * (1 + most) + 8;
      var twice = rows.length > 20 && !print;
      var cells = [];
      data.rows.concat([data.mean]).forEach(function (row, y) {
        row.values.forEach(function (value, x) { cells.push({ value: [x, y, value === null ? "-" : value] }); });
      });
      function axis(position) {
        return {
          type: "category", position: position, data: data.columns.map(function (c) { return c.code; }), axisTick: { show: false }, axisLine: { show: false },
          axisLabel: Object.assign(type(print ? Math.max(6, Math.min(9, cell / 1.6)) : 12), {
            interval: 0, lineHeight: print ? 10 : 14,
            formatter: function (_code, x) {
              var c = data.columns[x];
              return words(c.no) + "\n" + (flat ? cut(words(c.short), cell, 12) : Array.from(words(c.short)).join("\n"));
            }
          })
        };
      }
      return {
        height: head + high * (rows.length + 1) + (twice ? head : 6),
        click: function (event) {
          var row = data.rows[event.value[1]];
          if (row) window.location.assign(row.link + "?code=" + encodeURIComponent(data.columns[event.value[0]].code));
        },
        option: base({
          tooltip: tip(function (p) {
            var c = data.columns[p.value[0]], row = data.rows[p.value[1]] || data.mean;
            return words(row.name) + "\n" + words(cut(c.name, 360, 13)) + "\n" + (p.value[2] === "-" ? data.none : data.rate + " " + p.value[2] + "%");
          }),
          grid: { left: left, right: 4, top: head, bottom: twice ? head : 6 },
          xAxis: twice ? [axis("top"), axis("bottom")] : [axis("top")],
          yAxis: names(rows.concat([data.mean.name]), left - 8, size),
          visualMap: {
            show: false, type: "piecewise", dimension: 2,
            pieces: [
              { lt: 60, color: C["amber-100"] }, { gte: 60, lt: 70, color: C.white }, { gte: 70, lt: 80, color: C["ink-50"] },
              { gte: 80, lt: 90, color: C["ink-100"] }, { gte: 90, color: C["ink-200"] }
            ]
          },
          series: [{
            type: "heatmap", data: cells, progressive: 0,
            label: Object.assign(type(digits, C["gray-900"]), { show: digits >= 5 && cell >= (print ? 8 : 18), formatter: function (p) { return p.value[2] === "-" ? "" : String(p.value[2]); } }),
            itemStyle: { borderColor: C["gray-200"], borderWidth: 1 },
            emphasis: { itemStyle: { borderColor: C["ink-600"], borderWidth: 2 } }
          }]
        })
      };
    },

    profile: function (data, width, print) {
      var size = print ? 10 : 12, both = [data.unit, data.mean];
      var legend = { top: 0, itemWidth: 26, itemHeight: 8, textStyle: type(size), data: both.map(function (s) { return { name: s.name, icon: "roundRect" }; }), formatter: function (name) { return cut(words(name), 200, size); } };
      var looks = [
        { line: { color: C["ink-600"], width: 2 }, item: { color: C["ink-600"] }, symbol: "circle", area: { color: C["ink-600"], opacity: 0.12 } },
        { line: { color: C["gray-600"], width: 1.5, type: "dashed" }, item: { color: C["gray-600"] }, symbol: "diamond", area: null }
      ];
      var hint = tip(function (p) {
        var s = both[p.dataIndex] || data.unit;
        return words(s.name) + data.axes.map(function (axis, i) { return "\n" + words(cut(axis, 220, 13)) + " " + shown(s.values[i]); }).join("");
      });
      if (data.axes.length < 3) { // two axes make no radar
        return {
          height: 60 + 56 * data.axes.length,
          option: base({
            legend: legend, grid: { left: labelWidth(data.axes, size, 140) + 8, right: 44, top: 30, bottom: 24 },
            xAxis: scale({ min: 0, max: 100 }, size), yAxis: names(data.axes, 140, size),
            series: both.map(function (s, i) {
              return { type: "bar", name: s.name, barMaxWidth: 14, data: s.values.map(number), itemStyle: looks[i].item, label: Object.assign(type(size), { show: true, position: "right", formatter: function (p) { return shown(p.value); } }) };
            })
          })
        };
      }
      var high = print ? 260 : 340, side = width < 420 ? 78 : 110;
      var highest = Math.max.apply(null, both.reduce(function (all, s) { return all.concat(s.values.map(number)); }, [100]));
      return {
        height: high,
        option: base({
          tooltip: hint, legend: legend,
          radar: {
            center: ["50%", 30 + (high - 30) / 2], radius: Math.max(60, Math.min((high - 30) / 2 - 56, width / 2 - side - 16)), splitNumber: 4,
            indicator: data.axes.map(function (name, i) { return { name: String(i), min: 0, max: Math.ceil(highest / 20) * 20 }; }),
            axisName: Object.assign(type(size, C["gray-900"]), {
              lineHeight: size + 4,
              formatter: function (key) {
                var i = Number(key);
                return cut(words(data.axes[i]), side, size) + "\n" + shown(data.unit.values[i]) + " / " + shown(data.mean.values[i]);
              }
            }),
            splitArea: { show: false }, splitLine: { lineStyle: { color: C["gray-200"] } }, axisLine: { lineStyle: { color: C["gray-200"] } }
          },
          series: [{
            type: "radar",
            data: both.map(function (s, i) {
              return { name: s.name, value: s.values.map(number), symbol: looks[i].symbol, symbolSize: 6, lineStyle: looks[i].line, itemStyle: looks[i].item, areaStyle: looks[i].area || undefined };
            })
          }]
        })
      };
    },

    spread: function (data, width, print) {
      var size = print ? 10 : 12, rows = data.rows.map(function (r) { return r.name; });
      var left = labelWidth(rows, size, width < NARROW ? 128 : print ? 190 : 260);
      var lowest = Math.min.apply(null, data.rows.map(function (r) { return Number(r.five[0]); }).concat([0]));
      var highest = Math.max.apply(null, data.rows.map(function (r) { return Number(r.five[4]); }).concat([100]));
      return {
        height: 56 + rows.length * (print ? 18 : 24),
        option: base({
          tooltip: tip(function (p) {
            var r = data.rows[p.dataIndex];
            return words(cut(r.name, 360, 13)) + "\n" + data.words.map(function (w, i) { return w + " " + shown(r.five[i]); }).join("\n") + "\n" + data.mean + " " + shown(r.mean);
          }),
          grid: { left: left + 8, right: 24, top: 24, bottom: 24 },
          xAxis: [scale({ min: Math.floor(lowest / 20) * 20, max: Math.ceil(highest / 20) * 20, position: "top" }, size)],
          yAxis: names(rows, left, size),
          series: [
            { type: "boxplot", layout: "vertical", boxWidth: [6, 12], data: data.rows.map(function (r) { return r.five.map(Number); }), itemStyle: { color: C["ink-100"], borderColor: C["ink-600"], borderWidth: 1.5 }, emphasis: { disabled: true } },
            { type: "scatter", symbol: "circle", symbolSize: 7, data: data.rows.map(function (r, y) { return [Number(r.mean), y]; }), itemStyle: { color: C["gray-900"], borderColor: C.white, borderWidth: 1 }, z: 5 }
          ]
        })
      };
    },

    own: function (data, width, print) {
      var size = print ? 10 : 12, rows = data.rows.map(function (r) { return r.name; });
      var left = labelWidth(rows, size, width < NARROW ? 112 : 200);
      var gaps = data.rows.map(function (r) { return Number(r.gap); });
      var least = Math.min.apply(null, gaps.concat([0])), most = Math.max.apply(null, gaps.concat([least < 0 ? 0 : 1]));
      var edge = (most - least) * 0.12;
      return {
        height: 40 + rows.length * (print ? 17 : 24),
        option: base({
          tooltip: tip(function (p) {
            var r = data.rows[p.dataIndex];
            return words(r.name) + "\n" + data.own + " " + shown(r.own) + "\n" + data.counted + " " + shown(r.counted) + "\n" + data.gap + " " + signed(r.gap);
          }),
          grid: { left: left + 8, right: 24, top: 24, bottom: 8 },
          xAxis: [scale({ position: "top", min: least < 0 ? least - edge : 0, max: most + edge, axisLabel: { show: false }, splitNumber: 4 }, size)],
          yAxis: Object.assign(names(rows, left, size), { axisLine: { show: false } }),
          series: [{
            type: "bar", barMaxWidth: 14,
            data: data.rows.map(function (r) {
              return { value: Number(r.gap), itemStyle: { color: Number(r.gap) < 0 ? C["ink-300"] : C["ink-600"] }, label: { position: Number(r.gap) < 0 ? "left" : "right" } };
            }),
            label: Object.assign(type(size, C["gray-900"]), { show: true, formatter: function (p) { return signed(data.rows[p.dataIndex].gap); } }),
            markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: C["gray-600"], type: "solid", width: 1 }, data: [{ xAxis: 0 }] }
          }]
        })
      };
    },

    history: function (data, width, print) {
      var size = print ? 10 : 12, room = Math.max(60, (width - 80) / data.cycles.length - 8);
      var lines = data.units.filter(function (u) { return !u.picked; }).map(function (u) {
        return { type: "line", name: u.name, data: u.totals.map(number), symbol: "circle", symbolSize: 4, lineStyle: { color: C["gray-300"], width: 1 }, itemStyle: { color: C["gray-300"] }, emphasis: { lineStyle: { color: C["ink-400"], width: 2 } }, z: 1 };
      });
      var mean = { type: "line", name: data.mean.name, data: data.mean.values.map(number), symbol: "diamond", symbolSize: 8, lineStyle: { color: C["gray-700"], width: 1.5, type: "dashed" }, itemStyle: { color: C["gray-700"] }, z: 3 };
      var legend = [{ name: mean.name }];
      data.units.filter(function (u) { return u.picked; }).forEach(function (u) {
        lines.push({
          type: "line", name: u.name, data: u.totals.map(number), symbol: "circle", symbolSize: 8, lineStyle: { color: C["ink-600"], width: 2.5 }, itemStyle: { color: C["ink-600"] }, z: 4,
          label: Object.assign(type(size, C["gray-900"]), { show: true, position: "top", textBorderColor: C.white, textBorderWidth: 3, formatter: function (p) { return shown(u.totals[p.dataIndex]); } })
        });
        legend.unshift({ name: u.name });
      });
      var by = {};
      data.units.forEach(function (u) { by[u.name] = u; });
      return {
        height: print ? 240 : 340,
        option: base({
          tooltip: tip(function (p) {
            var u = by[p.seriesName], text = u ? u.totals[p.dataIndex] : data.mean.values[p.dataIndex];
            var rank = u ? u.ranks[p.dataIndex] : null;
            return words(p.seriesName) + "\n" + words(data.cycles[p.dataIndex]) + "\n" + data.total + " " + shown(text) + (rank ? "\n" + data.rank + " " + rank : "");
          }),
          legend: { top: 0, data: legend, textStyle: type(size), formatter: function (name) { return cut(words(name), 200, size); } },
          grid: { left: 48, right: 24, top: 40, bottom: 44 },
          xAxis: { type: "category", data: data.cycles, axisTick: { show: false }, axisLine: { lineStyle: { color: C["gray-300"] } }, axisLabel: Object.assign(type(size), { interval: 0, formatter: function (name) { return wrap(words(name), room, size); } }) },
          yAxis: scale({ scale: true }, size),
          series: lines.concat([mean])
        })
      };
    }
  };
  function wrap(text, width, size) {
    var per = Math.max(4, Math.floor(width / size));
    var out = text.length > per ? text.slice(0, per) + "\n" + cut(text.slice(per), width, size) : text;
    return out;
  }

  var drawn = [];
  function draw(item, width, print) {
    var made = KINDS[item.kind](item.data, width, print);
    item.place.style.height = Math.ceil(made.height) + "px";
    if (!item.chart) {
      item.chart = echarts.init(item.place, null, { renderer: "svg", width: width, height: Math.ceil(made.height) });
      if (made.click) item.chart.on("click", function (event) { item.click(event); });
    } else {
      item.chart.resize({ width: width, height: Math.ceil(made.height), silent: true });
    }
    item.click = made.click;
    item.chart.setOption(made.option, true);
    item.width = width;
  }

  function fold(box, folded) {
    var table = box.parentNode.querySelector("details.chart-data");
    if (table) table.open = !folded;
  }
  function show(item) {
    var wide = item.kind !== "heat" || document.documentElement.clientWidth >= NARROW;
    item.box.hidden = !wide;
    if (wide) draw(item, item.place.clientWidth, false);
    return wide;
  }

  boxes.forEach(function (box) {
    var data = JSON.parse(box.querySelector("script").textContent);
    var item = { box: box, kind: box.dataset.chart, data: data, place: box.querySelector(".chart"), chart: null, width: 0 };
    drawn.push(item);
    fold(box, show(item));
  });

  var printing = false, waits = 0;
  window.addEventListener("resize", function () {
    if (printing) return;
    window.clearTimeout(waits);
    waits = window.setTimeout(function () {
      drawn.forEach(function (item) {
        if (item.box.hidden || item.place.clientWidth !== item.width) {
          var was = item.box.hidden, wide = show(item);
          if (was === wide) fold(item.box, wide);
        }
      });
    }, 150);
  });
  window.addEventListener("beforeprint", function () {
    printing = true;
    drawn.forEach(function (item) { item.box.hidden = false; draw(item, PAGE, true); });
  });
  window.addEventListener("afterprint", function () {
    printing = false;
    drawn.forEach(show);
  });
})();
