/* The scoring page: deductions move the score, keys do what the buttons do, chips change the evidence.

   Each of these is a plain form or link without this file. The arithmetic is the server's
   (domain/marking.py recount), repeated here in whole units of the last decimal so that nothing is rounded:
   the facts' own choice of deductions gives exactly the proposal, any other is counted from it. */
(function () {
  "use strict";

  var TYPING = "input:not([type=checkbox]):not([type=radio]), textarea, select";

  // --- numbers: text to whole units and back --------------------------------------------------------

  function scale(form) { return Math.pow(10, Math.max(Number(form.dataset.places), 4)); }

  // "7/2" and "0.5" both occur: the server writes exact numbers.
  function units(text, by) {
    var parts = String(text).normalize("NFKC").trim().replace("\u2212", "-").split("/");
    if (!/^-?\d+(\.\d+)?$/.test(parts[0])) return null;
    return Math.round(Number(parts[0]) * by / (parts.length > 1 ? Number(parts[1]) : 1));
  }

  function text(value, by) {
    return String(Math.round(value) / by);
  }

  // --- one leaf -------------------------------------------------------------------------------------

  function scoreOf(leaf) { return leaf.querySelector("[data-score]"); }

  function setScore(leaf, value) {
    var box = scoreOf(leaf);
    var by = scale(leaf.closest("form"));
    var most = box.dataset.max ? units(box.dataset.max, by) : null;
    if (most !== null) value = Math.min(value, most);
    box.value = text(Math.max(value, 0), by);
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // What the chosen deductions take, in whole units; "all" when one of them takes everything.
  function taken(leaf) {
    var by = scale(leaf.closest("form"));
    var sum = 0;
    var all = false;
    leaf.querySelectorAll("[data-ded]").forEach(function (ded) {
      if (ded.dataset.ded === "amount") {
        sum += Math.max(units(ded.querySelector("input").value, by) || 0, 0);
      } else if (ded.getAttribute("aria-pressed") === "true") {
        if (ded.dataset.ded === "all") all = true;
        else sum += units(ded.dataset.ded, by) * timesOf(ded);
      }
    });
    return all ? "all" : sum;
  }

  function timesOf(ded) {
    var field = ded.parentNode.querySelector(".times input");
    var n = field ? units(field.value, 1) : 1;
    return n && n > 0 ? n : 0;
  }

  function recount(leaf) {
    var by = scale(leaf.closest("form"));
    var now = taken(leaf);
    var base = leaf.dataset.base ? units(leaf.dataset.base, by) : null;
    if (!scoreOf(leaf)) return;
    if (chosen(leaf) === leaf.dataset.proposed && leaf.dataset.offer) setScore(leaf, units(leaf.dataset.offer, by));
    else if (now === "all") setScore(leaf, 0);
    else if (base !== null) setScore(leaf, base - now);
  }

  // The choice as text, to tell whether it is the facts' own: "materials×2 event.…×1".
  function chosen(leaf) {
    return Array.from(leaf.querySelectorAll("[data-ded]")).map(function (ded) {
      if (ded.dataset.ded === "amount") {
        var amount = ded.querySelector("input").value.trim();
        return amount ? ded.dataset.key + "×" + amount : "";
      }
      if (ded.getAttribute("aria-pressed") !== "true") return "";
      return ded.dataset.key + "×" + (ded.dataset.ded === "all" ? 1 : timesOf(ded));
    }).filter(Boolean).join(" ");
  }

  function toggle(button) {
    var on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    var row = button.parentNode;
    row.querySelector("input[type=hidden]").disabled = !on;
    var times = row.querySelector(".times");
    if (times) times.hidden = !on;
    var waive = row.querySelector(".waive");
    if (waive) waive.hidden = on;
    recount(button.closest("[data-leaf]"));
  }

  // A reason that came back from a draft says that its proposal was switched off; the score came back with it.
  function offAgain(waive) {
    var row = waive.closest(".ded-row");
    var button = row.querySelector("button[data-ded]");
    if (!waive.value.trim() || button.getAttribute("aria-pressed") !== "true") return;
    button.setAttribute("aria-pressed", "false");
    row.querySelector("input[type=hidden]").disabled = true;
    row.querySelector(".waive").hidden = false;
    var times = row.querySelector(".times");
    if (times) times.hidden = true;
  }

  function showGap(leaf) {
    var gap = leaf.querySelector("[data-gap]");
    var box = scoreOf(leaf);
    if (!gap || !box || !gap.dataset.self) return;
    var by = scale(leaf.closest("form"));
    var now = units(box.value, by);
    if (now === null) return;
    var difference = now - units(gap.dataset.self, by);
    var words = difference < 0 ? gap.dataset.lower : difference > 0 ? gap.dataset.higher : gap.dataset.equal;
    gap.textContent = words.replace("{n}", text(Math.abs(difference), by));
  }

  // --- which leaf the keys mean ----------------------------------------------------------------------

  function leaves() {
    return Array.from(document.querySelectorAll("#score-form [data-leaf]")).filter(scoreOrVerdict);
  }

  function scoreOrVerdict(leaf) { return scoreOf(leaf) || leaf.querySelector("input[type=radio]"); }

  function here() {
    return document.querySelector("#score-form .leaf.here") || leaves()[0] || null;
  }

  function goTo(leaf) {
    document.querySelectorAll("#score-form .leaf").forEach(function (other) {
      other.classList.toggle("here", other === leaf && leaves().length > 1);
      number(other, other === leaf);
    });
  }

  // Only the leaf in hand shows its number keys.
  function number(leaf, on) {
    leaf.querySelectorAll("[data-ded]").forEach(function (ded, n) {
      ded.querySelector(".kbd").textContent = on && n < 9 ? n + 1 : "";
    });
  }

  function prepare() {
    var form = document.getElementById("score-form");
    if (!form) return;
    form.classList.toggle("by-leaf", leaves().length > 1);
    form.querySelectorAll("[data-waive]").forEach(offAgain);
    form.querySelectorAll("[data-leaf]").forEach(showGap);
    goTo(here());
  }

  // --- the form -------------------------------------------------------------------------------------

  document.addEventListener("click", function (event) {
    var ded = event.target.closest("button[data-ded]");
    var step = event.target.closest("[data-step]");
    var word = event.target.closest("[data-word]");
    var leaf = event.target.closest("[data-leaf]");
    if (leaf && leaf.closest("#score-form")) goTo(leaf);
    if (event.target.closest("[data-ask-go]")) {
      event.preventDefault();
      question();
    } else if (ded) {
      event.preventDefault();
      toggle(ded);
    } else if (step) {
      event.preventDefault();
      var by = scale(step.form);
      setScore(leaf, (units(scoreOf(leaf).value, by) || 0) + units(step.dataset.step, by));
    } else if (word) {
      event.preventDefault();
      insert(word).focus();
    }
  });

  // A ready-made comment goes to the end of what is written.
  function insert(word) {
    var field = word.closest("[data-leaf]").querySelector("textarea");
    field.value = field.value.trim() ? field.value.trim() + "；" + word.title : word.title;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    return field;
  }

  document.addEventListener("input", function (event) {
    var leaf = event.target.closest("#score-form [data-leaf]");
    if (!leaf) return;
    leaf.closest("form").querySelectorAll("[data-waive]").forEach(offAgain);
    if (event.target.closest(".times, .ded")) recount(leaf);
    showGap(leaf);
  });

  document.addEventListener("change", function (event) {
    if (event.target.type !== "radio" || !event.target.closest(".verdicts")) return;
    event.target.closest(".verdicts").querySelectorAll(".choice").forEach(function (choice) {
      choice.classList.toggle("on", choice.querySelector("input").checked);
    });
  });

  document.addEventListener("focusin", function (event) {
    var leaf = event.target.closest("#score-form [data-leaf]");
    if (leaf) goTo(leaf);
  });

  // --- evidence -------------------------------------------------------------------------------------

  function thumbs() { return Array.from(document.querySelectorAll("[data-thumb]")); }

  function show(thumb) {
    var viewer = document.getElementById("viewer");
    var frame = viewer.querySelector("[data-viewer-frame]");
    var picture = viewer.querySelector("[data-viewer-picture]");
    var kind = thumb.dataset.kind;
    var preview = thumb.dataset.preview;
    frame.hidden = kind !== "document";
    picture.hidden = kind !== "picture";
    viewer.querySelector("[data-viewer-other]").hidden = kind !== "other";
    // replace() keeps the browser's Back for pages, not for every file looked at.
    if (kind === "document") frame.contentWindow.location.replace(preview + "#navpanes=0&view=FitH");
    if (kind === "picture") {
      var image = picture.querySelector("img");
      image.src = preview;
      image.alt = thumb.dataset.name;
      picture.scrollTop = 0;
    }
    viewer.querySelectorAll("[data-viewer-name]").forEach(function (name) { name.textContent = thumb.dataset.name; });
    viewer.querySelector("[data-viewer-place]").textContent = thumbs().indexOf(thumb) + 1;
    viewer.querySelector("[data-viewer-open]").href = kind === "other" ? thumb.dataset.download : preview;
    viewer.querySelectorAll("[data-viewer-download]").forEach(function (link) { link.href = thumb.dataset.download; });
    var volume = viewer.querySelector("[data-viewer-volume]");
    if (volume) {
      volume.hidden = !thumb.dataset.volume;
      volume.href = thumb.dataset.volume || "";
    }
    document.querySelectorAll("[data-file]").forEach(function (chip) {
      var on = chip.dataset.file === thumb.dataset.file;
      chip.classList.toggle("on", on);
      if (on) chip.setAttribute("aria-current", "true");
      else chip.removeAttribute("aria-current");
    });
    thumb.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function turn(by) {
    var all = thumbs();
    var now = all.findIndex(function (thumb) { return thumb.classList.contains("on"); });
    var next = all[now + by];
    if (next) show(next);
  }

  document.addEventListener("click", function (event) {
    var chip = event.target.closest("[data-file]");
    if (!chip || event.ctrlKey || event.metaKey || event.shiftKey) return;
    var thumb = thumbs().find(function (other) { return other.dataset.file === chip.dataset.file; });
    if (!thumb) return;
    event.preventDefault();
    show(thumb);
  });

  // --- keys -----------------------------------------------------------------------------------------

  function help() {
    var dialog = document.getElementById("keys-help");
    if (dialog.open) dialog.close();
    else dialog.showModal();
  }

  function save() {
    var button = document.querySelector("[data-save]");
    if (button) button.click();
  }

  function nextScore() {
    var all = leaves();
    var now = all.findIndex(function (leaf) { return leaf.contains(document.activeElement); });
    var leaf = now >= 0 ? all[(now + 1) % all.length] : here();
    var field = leaf && (scoreOf(leaf) || leaf.querySelector("input[type=radio]"));
    if (!field) return;
    field.focus();
    if (field.select) field.select();
  }

  function pressed(key) {
    var leaf = here();
    var ded = leaf && leaf.querySelectorAll("[data-ded]")[Number(key) - 1];
    if (!ded) return;
    if (ded.dataset.ded === "amount") ded.querySelector("input").focus();
    else if (!ded.disabled) toggle(ded);
  }

  // P, then a digit: the comments of the leaf in hand show their digits meanwhile.
  function words(leaf) { return leaf ? Array.from(leaf.querySelectorAll("[data-word]")) : []; }

  function picking() { return document.querySelector("#score-form .words.pick"); }

  function pick(on) {
    var shown = picking();
    if (shown) shown.classList.remove("pick");
    document.querySelectorAll("#score-form [data-word] .kbd").forEach(function (kbd) { kbd.textContent = ""; });
    var found = words(here());
    if (!on || !found.length) return;
    found.forEach(function (word, n) { word.querySelector(".kbd").textContent = n + 1; });
    found[0].closest(".words").classList.add("pick");
  }

  // The reasons of proposals that are switched off, the empty ones first.
  function waiver() {
    var leaf = here();
    var all = Array.from(leaf ? leaf.querySelectorAll("[data-waive]") : []).filter(function (field) {
      return !field.closest(".waive").hidden;
    });
    var field = all.find(function (one) { return !one.value.trim(); }) || all[0];
    if (field) field.focus();
  }

  function comment() {
    var leaf = here();
    var field = leaf && leaf.querySelector("textarea");
    if (field) field.focus();
  }

  function question() {
    var summary = document.querySelector("[data-ask]");
    if (!summary) return;
    summary.closest(".sec").scrollIntoView({ block: "nearest" });
    summary.parentNode.open = true;
    summary.parentNode.querySelector("textarea").focus();
  }

  function hop(key) {
    var link = document.querySelector('[data-hop="' + key + '"]');
    if (link) link.click();
  }

  document.addEventListener("keydown", function (event) {
    var form = document.getElementById("score-form");
    if (!form || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    var target = event.target;
    if (document.getElementById("keys-help").open) {
      if (event.key === "?") { event.preventDefault(); help(); }
      return;
    }
    if (target.matches(TYPING)) {
      if (event.key === "Escape") target.blur();
      if (event.key === "Enter" && target.matches("[data-score], .times input, .ded input, [data-waive], [name^=\"why.\"]")) {
        event.preventDefault();
        save();
      }
      return;
    }
    if (picking()) {
      var word = /^[1-9]$/.test(event.key) && words(here())[Number(event.key) - 1];
      pick(false);
      if (word) {
        event.preventDefault();
        insert(word);
      }
      if (word || event.key === "Escape") return;
    }
    if (event.key === "Enter") {
      if (target.closest("a, button, summary")) return; // what has the focus does its own work
      event.preventDefault();
      save();
    } else if (/^[1-9]$/.test(event.key)) { event.preventDefault(); pressed(event.key); }
    else if (event.key === "ArrowLeft" && !target.matches("input[type=radio]")) turn(-1);
    else if (event.key === "ArrowRight" && !target.matches("input[type=radio]")) turn(1);
    else if (event.key === "j" || event.key === "J") hop("j");
    else if (event.key === "k" || event.key === "K") hop("k");
    else if (event.key === "s" || event.key === "S") { event.preventDefault(); nextScore(); }
    else if (event.key === "p" || event.key === "P") { event.preventDefault(); pick(true); }
    else if (event.key === "w" || event.key === "W") { event.preventDefault(); waiver(); }
    else if (event.key === "r" || event.key === "R") { event.preventDefault(); comment(); }
    else if (event.key === "q" || event.key === "Q") { event.preventDefault(); question(); }
    else if (event.key === "?" || event.key === "\uff1f") { event.preventDefault(); help(); }
  });

  // --- start ----------------------------------------------------------------------------------------

  document.querySelectorAll("[data-keys-open]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", help);
  });
  prepare();
  document.addEventListener("htmx:afterSettle", function () {
    prepare();
    var wrong = document.querySelector("#score-form .is-invalid");
    if (wrong) wrong.focus();
  });
})();
