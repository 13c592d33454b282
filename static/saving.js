/* Saving, and keeping what is not saved yet. Nothing here is needed to read or to submit a page.

   A saver is an element with hx-post, hx-put or hx-patch; its fields are kept and sent together. One whose
   hx-trigger has `change` saves by itself, a form without it waits for its button.

   1. What is typed into a saver's fields is kept as a draft in localStorage, under the person and the form,
      with each key pressed. The draft goes when the server has saved it, or its owner signs out.
   2. An element [data-save-status] says 正在保存, 已保存 14:03 or 未保存. What a missing server or network left
      unsaved is sent again by itself.
   3. A draft whose page is gone (closed, reloaded, signed out by time) returns to its fields on the next visit,
      together with the versions it was typed over: what somebody else saved meanwhile shows as a conflict. From
      another page it is sent as it was, if it was meant to be saved; else a note leads to it.

   Sending twice is harmless: each rendered form has its token (`op`). Only the person's own drafts are ever read.
   data-no-draft keeps fields out of storage, passwords and files never get in. A link [data-drop-draft] gives up
   the draft of the saver around it. A form [data-looks] is looked at as often as one likes and saved by its button
   `accept` alone: an answer with the header `X-Draft: keep` has saved nothing, and the draft stays. A form
   [data-stays] is saved by its buttons and, with then=stay, whenever one of its fields is left; giving up its
   draft takes back what was sent since it was opened. */
(function () {
  "use strict";

  var PREFIX = "draft:";
  var SAVES = "[hx-post], [hx-put], [hx-patch]";
  var UNKEPT = { password: 1, file: 1, hidden: 1, submit: 1, button: 1, reset: 1, image: 1 };
  var HELD = /^(version|op|v)\b/;      // hidden inputs that say what the fields were typed over
  var GONE = { 0: 1, 502: 1, 503: 1, 504: 1 }; // answers after which trying again may help
  var KEPT_FOR = 30 * 86400000;
  var TIMEOUT = 20000;
  var HERE = String(Math.random()).slice(2); // this page as long as it is open
  var dirty = new Set();        // fields changed since their last save
  var unsent = new Map();       // saver that could not be saved -> {auto, button}
  var inFlight = new WeakMap(); // request -> what it carries
  var full = false;             // the storage takes no more
  var lastTyped = 0;

  // --- fields and savers ---------------------------------------------------------------------------

  function isKept(field) {
    return Boolean(field.name) && !UNKEPT[field.type] && !field.closest("[data-no-draft]");
  }

  function valueOf(field) {
    if (field.type === "checkbox" || field.type === "radio") return field.checked ? "1" : "";
    if (field.type === "select-multiple") {
      return JSON.stringify(Array.from(field.selectedOptions, function (option) { return option.value; }));
    }
    return field.value;
  }

  function setValue(field, value) {
    if (field.type === "checkbox" || field.type === "radio") {
      field.checked = value === "1";
    } else if (field.type === "select-multiple") {
      var chosen = JSON.parse(value);
      Array.from(field.options).forEach(function (option) { option.selected = chosen.includes(option.value); });
    } else {
      field.value = value;
    }
  }

  function inputsOf(saver) {
    var within = Array.from(saver.tagName === "FORM" ? saver.elements : saver.querySelectorAll("input, select, textarea"));
    if (saver.name) within.push(saver);
    return within.filter(function (input) { return input.name && input.closest(SAVES) === saver; });
  }

  function partsOf(saver) {
    return inputsOf(saver).filter(isKept);
  }

  function saves(saver) {
    return saver.getAttribute("hx-post") || saver.getAttribute("hx-put") || saver.getAttribute("hx-patch");
  }

  function savesItself(saver) {
    return /\bchange\b/.test(saver.getAttribute("hx-trigger") || "");
  }

  function placeOf(field, parts) {
    var namesakes = parts.filter(function (other) { return other.name === field.name; });
    return field.name + "|" + namesakes.indexOf(field);
  }

  function labelOf(field) {
    var label = field.labels && field.labels[0];
    var words = label && Array.from(label.childNodes).find(function (node) { return node.textContent.trim(); });
    return (field.getAttribute("aria-label") || (words && words.textContent) || "").replace(/\s+/g, " ").trim();
  }

  // [data-typed]: other scripts leave the field alone.
  function setDirty(field, isDirty) {
    if (isDirty) dirty.add(field);
    else dirty.delete(field);
    field.toggleAttribute("data-typed", isDirty);
  }

  // --- drafts --------------------------------------------------------------------------------------

  function mine() {
    var actor = document.body.dataset.actor;
    return actor ? PREFIX + actor + ":" : ""; // nobody on the sign-in page
  }

  // draft:<who>:<where it is saved>|<its first field>; "" for a saver without fields
  function keyOf(saver) {
    var first = partsOf(saver)[0];
    return first && mine() ? mine() + saves(saver) + "|" + first.name : "";
  }

  function read(key) {
    try { return JSON.parse(localStorage.getItem(key)); } catch (error) { return null; }
  }

  function write(key, draft) {
    try { localStorage.setItem(key, JSON.stringify(draft)); full = false; } catch (error) { full = true; }
  }

  function drop(key) {
    try { localStorage.removeItem(key); } catch (error) { /* switched off */ }
  }

  function draftsOf(prefix) {
    var found = [];
    try {
      Object.keys(localStorage).forEach(function (key) {
        var draft = key.startsWith(prefix) && read(key);
        if (draft) found.push({ key: key, draft: draft });
      });
    } catch (error) { /* switched off: the page still holds the text */ }
    return found;
  }

  // What the fields hold, to be sent from any page; null where it could not be sent twice.
  function requestOf(saver, button) {
    var names = {};
    var data = new URLSearchParams();
    inputsOf(saver).forEach(function (input) {
      names[input.name] = true;
      if (input.disabled || input.type === "file" || /^(submit|button|reset|image)$/.test(input.type) || input.name === "csrf_token") return;
      if (/^(checkbox|radio)$/.test(input.type) && !input.checked) return;
      if (input.type === "select-multiple") Array.from(input.selectedOptions, function (o) { data.append(input.name, o.value); });
      else data.append(input.name, input.value);
    });
    if (button && button.name) data.append(button.name, button.value);
    if (!button && saver.matches("[data-stays]")) data.append("then", "stay");
    var more = JSON.parse(saver.getAttribute("hx-vals") || "{}");
    Object.keys(more).forEach(function (name) { data.append(name, more[name]); });
    var isSafe = Object.keys(names).some(function (name) { return /^op\b/.test(name); });
    return isSafe && saver.hasAttribute("hx-post") ? { url: saves(saver), body: data.toString() } : null;
  }

  function isMeant(saver, pressed) {
    if (!pressed || !saver.matches("[data-looks]")) return savesItself(saver) || Boolean(pressed);
    return Boolean(pressed.button) && pressed.button.name === "accept";
  }

  function hasOnlyLooked(value) {
    return value === "keep";
  }

  // pressed: the form was handed in (by this button), so it is meant to be saved.
  function keep(saver, pressed) {
    var key = keyOf(saver);
    if (!key) return;
    var draft = read(key) || { held: {}, fields: {} };
    var isNew = !Object.keys(draft.fields).length;
    var parts = partsOf(saver);
    parts.forEach(function (field) {
      if (dirty.has(field)) draft.fields[placeOf(field, parts)] = [valueOf(field), labelOf(field)];
    });
    if (!Object.keys(draft.fields).length) return;
    if (isNew) {
      inputsOf(saver).forEach(function (input) {
        if (input.type === "hidden" && HELD.test(input.name)) draft.held[input.name] = input.value;
      });
    }
    draft.at = Date.now();
    draft.by = HERE;
    draft.page = location.pathname + location.search;
    draft.title = document.title.split(" · ")[0];
    draft.send = isMeant(saver, pressed) ? requestOf(saver, pressed && pressed.button) : null;
    write(key, draft);
  }

  function typed(event) {
    var field = event.target;
    if (!field.name || !field.closest) return;
    setDirty(field, true);
    if (event.type === "input") lastTyped = Date.now();
    var saver = field.closest(SAVES);
    if (saver && isKept(field)) keep(saver);
  }
  document.addEventListener("input", typed);
  document.addEventListener("change", typed);

  window.addEventListener("beforeunload", function (event) {
    if (!full || !dirty.size) return; // what could not be kept would be lost
    event.preventDefault();
    event.returnValue = "";
  });

  // --- taking drafts back --------------------------------------------------------------------------

  // Another open page of this person answers for its own drafts.
  var channel = "BroadcastChannel" in window ? new BroadcastChannel("drafts") : null;
  var alive = {};
  if (channel) {
    channel.onmessage = function (event) {
      if (event.data.ask) channel.postMessage({ open: HERE });
      else alive[event.data.open] = true;
    };
  }

  function abandoned(then) {
    var own = mine();
    if (!own) return;
    var found = draftsOf(own).filter(function (item) { return item.draft.by !== HERE; });
    if (!found.length) return;
    alive = {};
    if (channel) channel.postMessage({ ask: true });
    setTimeout(function () {
      then(found.filter(function (item) {
        var now = read(item.key);
        return now && now.by === item.draft.by && !alive[now.by];
      }));
    }, channel ? 250 : 0);
  }

  function saversIn(root) {
    var found = Array.from(root.querySelectorAll(SAVES));
    if (root.matches && root.matches(SAVES)) found.push(root);
    return found;
  }

  // A form that says what is wrong with it shows what was typed.
  function isRefused(saver) {
    return Boolean(saver.querySelector(".is-invalid, [role=alert]"));
  }

  // Whether the draft found its fields.
  function putBack(saver, item) {
    if (isRefused(saver)) return true;
    var parts = partsOf(saver);
    var fields = item.draft.fields;
    var open = parts.filter(function (field) { return fields[placeOf(field, parts)] && !field.disabled && !field.readOnly; });
    if (!open.length) return false;
    var changed = open.filter(function (field) {
      return !dirty.has(field) && valueOf(field) !== fields[placeOf(field, parts)][0];
    });
    if (!changed.length) {
      if (saver.matches("[data-looks]")) open.forEach(function (field) { setDirty(field, true); });
      else drop(item.key); // it was saved after all
      return true;
    }
    inputsOf(saver).forEach(function (input) {
      if (input.type === "hidden" && item.draft.held[input.name] !== undefined) input.value = item.draft.held[input.name];
    });
    changed.forEach(function (field) {
      setValue(field, fields[placeOf(field, parts)][0]);
      setDirty(field, true);
    });
    note("draft-restored");
    changed[0].dispatchEvent(new Event("input", { bubbles: true }));
    if (savesItself(saver)) changed[0].dispatchEvent(new Event("change", { bubbles: true }));
    else mark(saver, true);
    return true;
  }

  function takeBack(root, found) {
    var byKey = {};
    saversIn(root).forEach(function (saver) { byKey[keyOf(saver)] = saver; });
    return found.filter(function (item) { return !byKey[item.key] || !putBack(byKey[item.key], item); });
  }

  function note(name) {
    var notes = document.getElementById("notes");
    var words = document.getElementById(name);
    if (!notes || !words) return null;
    Array.from(notes.querySelectorAll('[data-note="' + name + '"]')).forEach(function (old) { old.remove(); });
    var added = words.content.cloneNode(true).firstElementChild;
    added.dataset.note = name;
    notes.appendChild(added);
    return added;
  }

  // Drafts of other pages, one after the other; what the server does not take is shown.
  function sendAll(left) {
    var shown = left.filter(function (item) { return !item.draft.send; });
    var chain = Promise.resolve();
    left.filter(function (item) { return item.draft.send; }).forEach(function (item) {
      chain = chain.then(function () { return sendOne(item.draft.send); }).then(function (isSaved) {
        if (isSaved) drop(item.key);
        else shown.push(item);
      });
    });
    chain.then(function () { if (shown.length) showLeft(shown); });
  }

  function sendOne(request) {
    var token = document.querySelector("meta[name=csrf-token]");
    return fetch(request.url, {
      method: "POST",
      body: request.body,
      headers: {
        "Content-Type": "application/x-www-form-urlencoded",
        "HX-Request": "true",
        "X-CSRF-Token": token ? token.content : ""
      }
    }).then(function (answer) { return answer.ok && !hasOnlyLooked(answer.headers.get("X-Draft")); }, function () { return false; });
  }

  function showLeft(left) {
    var added = note("draft-left");
    if (!added) return;
    var list = added.querySelector("[data-draft-list]");
    left.forEach(function (item) {
      var line = document.createElement("li");
      var link = document.createElement(item.draft.page === location.pathname + location.search ? "b" : "a");
      link.textContent = item.draft.title;
      if (link.tagName === "A") link.href = item.draft.page;
      var words = Object.keys(item.draft.fields).map(function (place) {
        var value = item.draft.fields[place][0], label = item.draft.fields[place][1];
        return value === "" ? "" : value === "1" && label ? label : "“" + value + "”";
      });
      line.append(link, " ", words.filter(Boolean).join(" "));
      list.appendChild(line);
    });
    added.querySelector("[data-draft-drop]").addEventListener("click", function (event) {
      if (!window.confirm(event.target.dataset.words)) return;
      left.forEach(function (item) { drop(item.key); });
      added.remove();
    });
  }

  document.addEventListener("htmx:load", function (event) {
    var added = event.detail.elt;
    if (!added || added === document.body) { // htmx has just wired the whole page
      draftsOf(PREFIX).forEach(function (item) { if (Date.now() - item.draft.at > KEPT_FOR) drop(item.key); });
      abandoned(function (found) { sendAll(takeBack(document.body, found)); });
      return;
    }
    if (!saversIn(added).length || !mine()) return;
    takeBack(added, draftsOf(mine()).filter(function (item) { return item.draft.by === HERE; }));
    abandoned(function (found) { if (added.isConnected) takeBack(added, found); });
  });

  // Before htmx follows the link. After a conflict it leads to what is stored, which is somebody else's.
  document.addEventListener("click", function (event) {
    var link = event.target.closest("[data-drop-draft]");
    var form = link && link.closest("form[data-stays][data-sent]");
    if (!form || form.elements.seen) return;
    event.preventDefault();
    event.stopPropagation();
    form.reset();
    partsOf(form).forEach(function (field) { setDirty(field, true); });
    form.requestSubmit();
  }, true);

  document.addEventListener("click", function (event) {
    var link = event.target.closest("[data-drop-draft]");
    var saver = link && link.closest(SAVES);
    if (!saver) return;
    drop(keyOf(saver));
    unsent.delete(saver);
    partsOf(saver).forEach(function (field) { setDirty(field, false); });
  });

  document.addEventListener("submit", function (event) {
    if (!event.target.matches("[data-sign-out]") || !mine()) return;
    var left = draftsOf(mine());
    var words = document.getElementById("draft-sign-out");
    if (left.length && words && !window.confirm(words.content.textContent.trim())) {
      event.preventDefault();
      return;
    }
    left.forEach(function (item) { drop(item.key); });
  });

  // --- saving --------------------------------------------------------------------------------------

  function isSave(detail) {
    var verb = detail.requestConfig && detail.requestConfig.verb;
    return Boolean(verb) && verb !== "get" && !detail.elt.closest("[data-no-draft]");
  }

  function sameAsSent(item) {
    return valueOf(item.field) === item.value;
  }

  function mark(saver, isUnsent) {
    saver.toggleAttribute("data-unsent", isUnsent);
  }

  document.addEventListener("htmx:configRequest", function (event) {
    var trigger = event.detail.triggeringEvent;
    if (event.detail.elt.matches("form[data-stays]") && trigger && trigger.type === "change") event.detail.parameters.then = "stay";
    if (event.detail.verb !== "get" && !event.detail.elt.querySelector("input[type=file]")) event.detail.timeout = TIMEOUT;
  });

  document.addEventListener("htmx:beforeSend", function (event) {
    if (!isSave(event.detail)) return;
    var saver = event.detail.elt;
    var trigger = event.detail.requestConfig.triggeringEvent;
    var isPressed = Boolean(trigger) && trigger.type === "submit";
    var how = { auto: !isPressed, button: isPressed ? trigger.submitter : null };
    if (isPressed) keep(saver, how);
    var values = partsOf(saver).map(function (field) { return { field: field, value: valueOf(field) }; });
    var status = statusFor(saver);
    if (!isPressed) saver.setAttribute("data-sent", "");
    inFlight.set(event.detail.xhr, { saver: saver, key: keyOf(saver), values: values, how: how, status: status });
    if (!unsent.has(saver)) say(status, "saving");
  });

  // Before htmx swaps or follows HX-Redirect: the fields are still those that were sent.
  document.addEventListener("htmx:beforeOnLoad", function (event) {
    var sent = inFlight.get(event.detail.xhr);
    if (!sent || event.detail.xhr.status >= 400) return;
    if (!sent.values.every(sameAsSent) && sent.how.auto === false && event.detail.target.contains(sent.saver)) {
      event.preventDefault(); // typed on meanwhile: the form stays, and what came later follows
      sent.more = true;
      return;
    }
    sent.looked = hasOnlyLooked(event.detail.xhr.getResponseHeader("X-Draft"));
    if (!sent.looked) drop(sent.key);
    sent.values.filter(sameAsSent).forEach(function (item) { setDirty(item.field, false); });
  });

  document.addEventListener("htmx:afterRequest", function (event) {
    var detail = event.detail;
    var sent = inFlight.get(detail.xhr);
    if (!sent) return;
    inFlight.delete(detail.xhr);
    var code = detail.xhr.status;
    var saver = sent.saver;
    // The swap may have put a new status element in the place of the old one.
    var status = sent.status && sent.status.isConnected ? sent.status : again(sent.status);
    if (sent.more) {
      saver.requestSubmit();
      return;
    }
    if (code === 0 || (code >= 400 && code !== 409 && code !== 422)) {
      keep(saver, sent.how);
      sent.how.later = Boolean(GONE[code]);
      unsent.set(saver, sent.how);
      mark(saver, true);
      say(status, "failed");
      if (sent.how.later) tryLater();
      return;
    }
    unsent.delete(saver);
    mark(saver, false);
    pause = 0;
    if (sent.looked) {
      if (status) status.textContent = "";
      return;
    }
    if (code >= 400) {
      keep(saver); // refused: it waits until it is put right
      moveDraft(sent, detail.target);
    } else if (!saver.isConnected) {
      drop(sent.key); // leaving the page, a field may have said once more that it was changed
    } else if (!sent.values.every(sameAsSent)) {
      keep(saver);
    }
    say(status, code >= 400 ? "refused" : isWaiting(status) ? "failed" : "saved");
  });

  // A refused form may come back as another one: a row that was deleted meanwhile, as a new row.
  function moveDraft(sent, target) {
    if (!sent.key || sent.saver.isConnected) return;
    var now = target && target.id && document.getElementById(target.id);
    var form = now && saversIn(now).find(isRefused);
    var draft = form && read(sent.key);
    var key = form && keyOf(form);
    if (!draft || !key || key === sent.key) return;
    drop(sent.key);
    draft.held = {};
    draft.send = null;
    write(key, draft);
  }

  // --- save state ----------------------------------------------------------------------------------

  function statusFor(element) {
    var form = element.closest("form");
    return (form && form.querySelector("[data-save-status]")) ||
      (form && form.id && document.querySelector('[data-save-status="' + CSS.escape(form.id) + '"]')) ||
      document.querySelector('[data-save-status=""]');
  }

  function again(status) {
    if (!status) return null;
    return document.querySelector('[data-save-status="' + CSS.escape(status.dataset.saveStatus) + '"]');
  }

  function say(status, state) {
    var words = document.getElementById("save-" + state);
    if (!status || !words) return;
    status.textContent = "";
    status.appendChild(words.content.cloneNode(true));
    status.classList.toggle("bad", state === "failed" || state === "refused");
    status.classList.toggle("loud", state === "failed");
    var time = status.querySelector("time");
    if (time) {
      var now = new Date();
      time.textContent = String(now.getHours()).padStart(2, "0") + ":" + String(now.getMinutes()).padStart(2, "0");
    }
  }

  function waitingOn(status) {
    return Array.from(unsent.keys()).filter(function (saver) {
      if (!saver.isConnected) unsent.delete(saver); // its draft waits for the fields that came in its place
      return saver.isConnected && (!status || statusFor(saver) === status);
    });
  }

  function isWaiting(status) {
    return waitingOn(status).length > 0;
  }

  function send(saver) {
    var how = unsent.get(saver);
    if (how.auto) {
      var field = partsOf(saver).find(function (part) { return dirty.has(part); }) || partsOf(saver)[0];
      if (field) field.dispatchEvent(new Event("change", { bubbles: true }));
    } else {
      saver.requestSubmit(how.button && how.button.isConnected ? how.button : undefined);
    }
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-save-retry]");
    if (button) waitingOn(button.closest("[data-save-status]")).forEach(send);
  });

  var pause = 0;
  var timer = 0;

  function tryLater() {
    if (timer) return;
    pause = Math.min(pause ? pause * 1.5 : 2000 + Math.random() * 1000, 20000); // not all browsers at once
    timer = setTimeout(tryNow, pause);
  }

  function tryNow() {
    clearTimeout(timer);
    timer = 0;
    var left = waitingOn(null).filter(function (saver) { return unsent.get(saver).later; });
    // A form that is being typed in would close under the hands.
    var isTyping = Date.now() - lastTyped < 5000;
    var ready = left.filter(function (saver) {
      return unsent.get(saver).auto || !isTyping || !saver.contains(document.activeElement);
    });
    ready.forEach(send);
    if (left.length > ready.length) tryLater();
  }
  window.addEventListener("online", tryNow);
})();
