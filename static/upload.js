/* Uploads with a bar per file, on top of tus-js-client. Without it the forms upload as plain forms.

   A place is an element [data-place]: a slot, a row, the library, a file to be replaced. Files come to it by
   its own form or by being dropped on it. The element [data-refresh] around or inside it says which piece of
   the page to fetch again, and [data-bars] of the same name is where its bars stand.

   Three files are sent at a time, in pieces. A break is retried for minutes; after a reload, choosing the same
   file at the same place goes on where it stopped (its address waits in localStorage). */
(function () {
  "use strict";

  var desk = document.getElementById("upload-desk");
  var tus = window.tus;
  if (!desk || !tus || !tus.isSupported) return;

  var AT_ONCE = 3;
  var DELAYS = [0, 1000, 2000, 4000, 8000, 15000, 30000, 30000, 60000, 60000, 60000, 60000];
  var REFRESH = 1500; // ms between two refreshes of a place
  var words = desk.dataset;
  var items = [];      // everything chosen on this page and not moved away
  var lists = {};      // place -> the list that holds its bars, wherever it stands now
  var refreshing = {}; // place -> timer
  var asking = {};     // place -> "once" while its piece is being fetched, "again" if it has changed meanwhile

  // --- places --------------------------------------------------------------------------------------

  function placeAt(element) {
    var box = element && element.closest && element.closest("[data-place]");
    var row = !box && element && element.closest && element.closest(".row-form");
    return box || (row && row.querySelector("[data-place]")) || null;
  }

  function about(box) {
    var source = box.closest("[data-refresh]") || box.querySelector("[data-refresh]");
    var key = box.dataset.place;
    var isRef = /^(slot|clause|row):/.test(key);
    return {
      key: key,
      ref: isRef ? key : "",
      code: isRef ? source.dataset.code : "",
      replaces: box.dataset.replaces || "",
      refresh: source.dataset.refresh,
      target: source.dataset.target || ""
    };
  }

  function listFor(key) {
    if (!lists[key]) {
      lists[key] = document.createElement("li");
      lists[key].className = "up-box";
      lists[key].appendChild(document.createElement("ul"));
    }
    return lists[key].firstChild;
  }

  // A fragment that was fetched anew has empty places for bars.
  function attach() {
    items.filter(function (item) { return item.shown; }).forEach(forget);
    document.querySelectorAll("[data-bars]").forEach(function (holder) {
      var list = lists[holder.dataset.bars];
      if (list && list.parentNode !== holder) holder.appendChild(list);
    });
    document.querySelectorAll("[data-left-over]").forEach(function (line) {
      line.hidden = items.some(function (item) {
        return item.upload.url && item.upload.url.endsWith(line.dataset.leftOver);
      });
    });
  }

  // --- one file ------------------------------------------------------------------------------------

  function token() {
    return document.querySelector("meta[name=csrf-token]").content;
  }

  function add(file, place) {
    var bar = document.getElementById("upload-bar").content.cloneNode(true).firstElementChild;
    var item = { file: file, place: place, bar: bar, state: "", status: 0 };
    bar.querySelector(".up-name").textContent = file.name;
    bar.querySelector(".up-name").title = file.name;
    bar.querySelector("progress").setAttribute("aria-label", file.name);
    bar.querySelector(".up-x").addEventListener("click", function () { cancel(item); });
    bar.querySelector(".up-again").addEventListener("click", function () { again(item); });
    item.upload = new tus.Upload(file, {
      endpoint: words.endpoint,
      chunkSize: Number(words.piece),
      retryDelays: DELAYS,
      removeFingerprintOnSuccess: true,
      metadata: { filename: file.name, code: place.code, ref: place.ref, replaces: place.replaces },
      fingerprint: function () {
        return Promise.resolve(["upload", document.body.dataset.actor, words.endpoint, place.key,
          file.name, file.size, file.lastModified].join("|"));
      },
      onBeforeRequest: function (request) { request.setHeader("X-CSRF-Token", token()); },
      onShouldRetry: function (error) {
        var status = statusOf(error);
        var may = status === 0 || status === 409 || status >= 500;
        if (may && item.state === "sending") show(item, "retrying");
        return may;
      },
      onProgress: function (sent, total) {
        if (item.state === "cancelled") return;
        bar.querySelector("progress").value = total ? Math.round(sent / total * 1000) : 0;
        show(item, sent < total ? "sending" : "checking");
        if (sent < total) {
          bar.querySelector(".up-state").textContent = words.sending + " " + Math.floor(sent / total * 100) + "%";
        }
      },
      onSuccess: function () { show(item, "done"); refreshSoon(place); next(); },
      onError: function (error) { failed(item, error); next(); }
    });
    items.push(item);
    listFor(place.key).appendChild(bar);
    show(item, "waiting");
  }

  function statusOf(error) {
    return error && error.originalResponse ? error.originalResponse.getStatus() : 0;
  }

  function begin(item) {
    show(item, "sending");
    item.upload.findPreviousUploads().then(function (found) {
      if (item.state !== "sending") return;
      if (found.length) item.upload.resumeFromPreviousUpload(found[0]);
      item.upload.start();
    });
  }

  function failed(item, error) {
    var status = statusOf(error);
    var response = error && error.originalResponse;
    var plain = response && /^text\/plain/.test(response.getHeader("Content-Type") || "");
    var said = plain ? response.getBody() : "";
    var may = status === 0 || status === 401 || status >= 500;
    if (!may) {
      said = said || (status === 403 ? words.stale : words.trouble);
    } else if (status === 401) {
      said = words.signedOut;
    } else if (error && !error.originalRequest) {
      said = words.unread;
      may = false;
    } else {
      said = status === 0 ? words.noLine : words.trouble;
    }
    item.status = status;
    show(item, may ? "broken" : "refused", said);
  }

  function show(item, state, said) {
    var bar = item.bar;
    var ended = state === "refused" || state === "done";
    item.state = state;
    bar.className = "up " + state;
    bar.querySelector(".up-state").textContent = words[state];
    bar.querySelector("progress").hidden = ended;
    bar.querySelector(".up-again").hidden = state !== "broken";
    bar.querySelector(".up-sign").hidden = !(state === "broken" && item.status === 401);
    bar.querySelector(".up-sign").href = words.signIn;
    bar.querySelector(".msg").hidden = !said;
    bar.querySelector(".msg").textContent = said || "";
    var x = bar.querySelector(".up-x");
    var label = (state === "refused" ? x.dataset.close : x.dataset.cancel).replace("{name}", item.file.name);
    x.hidden = state === "done" || state === "checking";
    x.setAttribute("aria-label", label);
    x.title = label;
    tell();
  }

  function isOpen(item) {
    return ["waiting", "sending", "retrying", "checking", "broken"].includes(item.state);
  }

  function tell() {
    var done = items.filter(function (item) { return item.state === "done"; }).length;
    var left = items.filter(isOpen).length;
    desk.textContent = items.length ? words.sum.replace("{done}", done).replace("{left}", left) : "";
  }

  function next() {
    var running = items.filter(function (item) {
      return ["sending", "retrying", "checking"].includes(item.state);
    }).length;
    items.filter(function (item) { return item.state === "waiting"; })
      .slice(0, Math.max(0, AT_ONCE - running)).forEach(begin);
  }

  function forget(item) {
    items = items.filter(function (other) { return other !== item; });
    item.bar.remove();
    tell();
  }

  function cancel(item) {
    var was = item.state;
    item.state = "cancelled";
    // abort(true) tells the server, too, if it has heard of this file
    if (was !== "refused") item.upload.abort(Boolean(item.upload.url)).catch(function () { /* it expires */ });
    forget(item);
    next();
  }

  // After a new sign-in this page's token is an old one: fetch it from the page as it is now.
  function again(item) {
    if (item.status !== 401) { resume(item); return; }
    fetch(window.location.href, { credentials: "same-origin" }).then(function (response) {
      return response.text();
    }).then(function (html) {
      var now = new DOMParser().parseFromString(html, "text/html");
      if (now.body.dataset.actor !== document.body.dataset.actor) return; // not signed in yet, or somebody else
      document.querySelector("meta[name=csrf-token]").content = now.querySelector("meta[name=csrf-token]").content;
      document.body.setAttribute("hx-headers", now.body.getAttribute("hx-headers"));
      items.filter(function (other) { return other.state === "broken"; }).forEach(resume);
    }).catch(function () { /* no line yet */ });
  }

  function resume(item) {
    item.status = 0;
    show(item, "waiting");
    next();
  }

  window.addEventListener("online", function () {
    items.filter(function (item) { return item.state === "broken" && item.status !== 401; }).forEach(resume);
  });

  window.addEventListener("beforeunload", function (event) {
    if (!items.some(isOpen)) return;
    event.preventDefault();
    event.returnValue = "";
  });

  // --- what the page shows when a file has come ------------------------------------------------------

  function refreshSoon(place) {
    if (refreshing[place.key]) return;
    var rest = items.some(function (item) { return item.place.key === place.key && isOpen(item); });
    refreshing[place.key] = setTimeout(function () { refresh(place); }, rest ? REFRESH : 50);
  }

  function refresh(place) {
    delete refreshing[place.key];
    if (asking[place.key]) { // the piece about to be replaced cannot ask for itself once more
      asking[place.key] = "again";
      return;
    }
    if (!place.target) { // one file's own page
      if (!items.some(isOpen)) window.location.assign(place.refresh);
      return;
    }
    var target = document.querySelector(place.target);
    if (!target || (target.id === "library" && target.querySelector(".row-form"))) return; // being edited
    items.forEach(function (item) {
      if (item.place.key === place.key && item.state === "done") item.shown = true;
    });
    var asked = function () {
      var isOld = asking[place.key] === "again";
      delete asking[place.key];
      if (isOld) refreshSoon(place);
    };
    asking[place.key] = "once";
    window.htmx.ajax("GET", place.refresh, { source: target, target: place.target, swap: "outerHTML" }).then(asked, asked);
  }

  document.addEventListener("htmx:load", attach);

  // --- files chosen, files dropped -----------------------------------------------------------------

  function take(files, box) {
    var place = about(box);
    var chosen = place.replaces ? files.slice(0, 1) : files;
    chosen.forEach(function (file) { add(file, place); });
    if (chosen.length < files.length) window.alert(words.single);
    attach();
    next();
  }

  // Before htmx hears of it: the form need not be sent.
  document.addEventListener("change", function (event) {
    var input = event.target;
    var box = input.type === "file" && input.closest("form.upload") && placeAt(input);
    if (!box || !input.files.length) return;
    event.stopPropagation();
    take(Array.from(input.files), box);
    input.value = "";
  }, true);

  function hasFiles(event) {
    return event.dataTransfer && Array.from(event.dataTransfer.types).includes("Files");
  }

  var over = null;

  function mark(box) {
    if (over === box) return;
    if (over) over.classList.remove("drop-here");
    over = box;
    if (over) over.classList.add("drop-here");
  }

  function settle() {
    mark(null);
    document.body.classList.remove("dropping");
  }

  document.addEventListener("dragover", function (event) {
    if (!hasFiles(event)) return;
    var box = placeAt(event.target);
    event.preventDefault(); // else the browser leaves the page and opens the file
    event.dataTransfer.dropEffect = box ? "copy" : "none";
    document.body.classList.add("dropping");
    mark(box);
  });
  document.addEventListener("dragleave", function (event) {
    if (!event.relatedTarget) settle();
  });
  document.addEventListener("drop", function (event) {
    if (!hasFiles(event)) return;
    var box = placeAt(event.target);
    event.preventDefault();
    settle();
    if (box) filesOf(event.dataTransfer).then(function (files) { if (files.length) take(files, box); });
  });

  // Folders are opened; the files within come in the order of their names.
  function filesOf(transfer) {
    var entries = Array.from(transfer.items || []).map(function (item) {
      return item.kind === "file" && item.webkitGetAsEntry ? item.webkitGetAsEntry() : null;
    }).filter(Boolean);
    if (!entries.some(function (entry) { return entry.isDirectory; })) {
      return Promise.resolve(Array.from(transfer.files));
    }
    return Promise.all(entries.map(walk)).then(function (found) { return [].concat.apply([], found); });
  }

  function walk(entry) {
    if (entry.isFile) {
      if (/^(\.|~\$|Thumbs\.db$)/.test(entry.name)) return Promise.resolve([]); // a system's own, an open Word file's
      return new Promise(function (done) {
        entry.file(function (file) { done([file]); }, function () { done([]); });
      });
    }
    return readAll(entry.createReader(), []).then(function (inner) {
      inner.sort(function (a, b) { return a.name.localeCompare(b.name, "zh-CN", { numeric: true }); });
      return Promise.all(inner.map(walk));
    }).then(function (found) { return [].concat.apply([], found); });
  }

  // A reader gives a hundred names at a time.
  function readAll(reader, sofar) {
    return new Promise(function (done) {
      reader.readEntries(done, function () { done([]); });
    }).then(function (more) {
      return more.length ? readAll(reader, sofar.concat(more)) : sofar;
    });
  }
})();
