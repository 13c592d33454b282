/* Small behaviour on top of htmx; nothing here is needed to read or to submit a page.

   1. Save state: an element [data-save-status] says 正在保存, 已保存 14:03 or 没保存上.
   2. Drafts: what could not be saved waits in sessionStorage and returns to its field on the next page.
   3. [data-changed]: a value the server has just recalculated is marked for a moment.
   4. Focus that a swap would lose goes to a mistake, to [data-focus], to the same control, or near it.
   5. [data-print] prints; such a button is hidden until this file has run.

   A form that saves by itself carries hx-post (or put, patch) and an hx-trigger with `change`: a draft is sent
   again by a change event. A form that waits for its button only gets its values back.
   data-no-draft on a form or a field keeps its values out of storage. Passwords and files never get in. */
(function () {
  "use strict";

  var PREFIX = "draft:";
  var SAVES = "[hx-post], [hx-put], [hx-patch]";
  var UNKEPT = { password: 1, file: 1, hidden: 1, submit: 1, button: 1, reset: 1, image: 1 };
  var dirty = new Set();      // fields changed since their last save
  var inFlight = new WeakMap(); // request -> the values it carries
  var failed = new WeakMap(); // status element -> what to try again

  // --- fields --------------------------------------------------------------------------------------

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

  function fieldsOf(element) {
    var form = element.closest("form");
    var within = form ? Array.from(form.elements) : Array.from(element.querySelectorAll("input, select, textarea"));
    if (!form && element.name) within.push(element);
    return within.filter(function (field) { return field.name; });
  }

  // --- drafts --------------------------------------------------------------------------------------

  function actor() {
    return document.body.dataset.actor || "";
  }

  // draft:<who>:<form path>|<field name>|<its place among the fields of that name>
  function keyOf(field) {
    var saver = field.closest(SAVES);
    var path = saver
      ? saver.getAttribute("hx-post") || saver.getAttribute("hx-put") || saver.getAttribute("hx-patch")
      : (field.form && field.form.getAttribute("action")) || "";
    var namesakes = fieldsOf(field).filter(function (other) { return other.name === field.name; });
    return PREFIX + actor() + ":" + (path || location.pathname) + "|" + field.name + "|" + namesakes.indexOf(field);
  }

  function eachDraft(visit) {
    try {
      Object.keys(sessionStorage).forEach(function (key) {
        if (key.startsWith(PREFIX)) visit(key);
      });
    } catch (error) { /* storage may be switched off; the page still holds the text */ }
  }

  function keepDraft(field) {
    try { sessionStorage.setItem(keyOf(field), valueOf(field)); } catch (error) { /* full or switched off */ }
  }

  function dropDraft(key) {
    try { sessionStorage.removeItem(key); } catch (error) { /* switched off */ }
  }

  function restoreDrafts() {
    if (!actor()) return; // the sign-in page keeps drafts for whoever signs in again
    var mine = PREFIX + actor() + ":";
    var waiting = new Map();
    eachDraft(function (key) {
      if (key.startsWith(mine)) waiting.set(key, sessionStorage.getItem(key));
      else dropDraft(key); // another person sat here before
    });
    if (!waiting.size) return;
    var restored = [];
    document.querySelectorAll("input, select, textarea").forEach(function (field) {
      if (!isKept(field) || field.disabled || field.readOnly) return;
      var key = keyOf(field);
      if (!waiting.has(key)) return;
      if (valueOf(field) === waiting.get(key)) { dropDraft(key); return; }
      setValue(field, waiting.get(key));
      restored.push(field);
    });
    if (!restored.length) return;
    var notes = document.getElementById("notes");
    var words = document.getElementById("draft-restored");
    if (notes && words) notes.appendChild(words.content.cloneNode(true));
    restored.forEach(function (field) { dirty.add(field); });
    sendAgain(restored);
  }

  // One change event for each saving element, not for each field.
  function sendAgain(fields) {
    var savers = new Set();
    fields.forEach(function (field) {
      var saver = field.closest(SAVES);
      if (!saver || savers.has(saver)) return;
      savers.add(saver);
      field.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }

  // --- save state ----------------------------------------------------------------------------------

  function statusFor(element) {
    var form = element.closest("form");
    return (form && form.querySelector("[data-save-status]")) ||
      (form && form.id && document.querySelector('[data-save-status="' + CSS.escape(form.id) + '"]')) ||
      document.querySelector('[data-save-status=""]');
  }

  function say(status, state) {
    var words = document.getElementById("save-" + state);
    if (!status || !words) return;
    status.textContent = "";
    status.appendChild(words.content.cloneNode(true));
    status.classList.toggle("bad", state === "failed" || state === "refused");
    var time = status.querySelector("time");
    if (time) {
      var now = new Date();
      time.textContent = String(now.getHours()).padStart(2, "0") + ":" + String(now.getMinutes()).padStart(2, "0");
    }
  }

  function isSave(detail) {
    var verb = detail.requestConfig && detail.requestConfig.verb;
    return Boolean(verb) && verb !== "get" && !detail.elt.closest("[data-no-draft]");
  }

  document.addEventListener("input", function (event) {
    if (event.target.name) dirty.add(event.target);
  });
  document.addEventListener("change", function (event) {
    if (event.target.name) dirty.add(event.target);
  });

  document.addEventListener("htmx:beforeSend", function (event) {
    if (!isSave(event.detail)) return;
    var status = statusFor(event.detail.elt);
    var carried = fieldsOf(event.detail.elt).map(function (field) {
      return { field: field, key: keyOf(field), value: valueOf(field) };
    });
    inFlight.set(event.detail.xhr, { carried: carried, status: status });
    say(status, "saving");
  });

  // Before htmx swaps or follows HX-Redirect: the fields are still those that were sent.
  document.addEventListener("htmx:beforeOnLoad", function (event) {
    var sent = inFlight.get(event.detail.xhr);
    if (!sent) return;
    var code = event.detail.xhr.status;
    if (code < 400 || code === 409 || code === 422) {
      // The server has read the values; from here on its answer shows them.
      sent.carried.forEach(function (item) {
        dropDraft(item.key);
        if (valueOf(item.field) === item.value) dirty.delete(item.field);
      });
    } else {
      keepAll(event.detail, sent);
    }
  });

  function keepAll(detail, sent) {
    sent.carried.forEach(function (item) {
      if (dirty.has(item.field) && isKept(item.field)) keepDraft(item.field);
    });
    sent.failed = true;
    var trigger = detail.requestConfig.triggeringEvent;
    if (sent.status) failed.set(sent.status, { sent: sent, submit: trigger && trigger.type === "submit" && detail.elt });
  }

  document.addEventListener("htmx:afterRequest", function (event) {
    var detail = event.detail;
    var sent = inFlight.get(detail.xhr);
    if (!sent) return;
    inFlight.delete(detail.xhr);
    var code = detail.xhr.status;
    if (code === 0 && !sent.failed) keepAll(detail, sent); // no network, time ran out
    // The swap may have put a new status element in the place of the old one.
    var status = sent.status && sent.status.isConnected ? sent.status : again(sent.status);
    if (status && sent.failed) failed.set(status, failed.get(sent.status));
    say(status, sent.failed ? "failed" : code >= 400 ? "refused" : "saved");
  });

  function again(status) {
    if (!status) return null;
    return document.querySelector('[data-save-status="' + CSS.escape(status.dataset.saveStatus) + '"]');
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-save-retry]");
    if (!button) return;
    var what = failed.get(button.closest("[data-save-status]"));
    if (!what) return;
    if (what.submit && what.submit.isConnected) {
      what.submit.requestSubmit();
      return;
    }
    sendAgain(what.sent.carried.map(function (item) { return item.field; }).filter(function (field) {
      return dirty.has(field) && field.isConnected;
    }));
  });

  document.addEventListener("submit", function (event) {
    if (event.target.matches("[data-sign-out]")) eachDraft(dropDraft);
  });

  // --- recalculated values -------------------------------------------------------------------------

  document.addEventListener("htmx:load", function (event) {
    var added = event.detail.elt;
    if (!added || added === document.body) {
      restoreDrafts(); // htmx has just wired the whole page
      return;
    }
    var marked = Array.from(added.querySelectorAll("[data-changed]"));
    if (added.matches("[data-changed]")) marked.push(added);
    marked.forEach(function (element) {
      element.classList.add("changed");
      setTimeout(function () { element.classList.remove("changed"); }, 1200);
    });
  });

  // --- focus ---------------------------------------------------------------------------------------

  var lost = null; // what had the focus inside the piece about to be replaced

  document.addEventListener("htmx:beforeSwap", function (event) {
    var focused = document.activeElement;
    lost = focused && focused !== document.body && event.detail.target.contains(focused) ? focused : null;
  });

  document.addEventListener("htmx:afterSettle", function (event) {
    var before = lost;
    var added = event.detail.elt;
    if (!before || !added || !added.querySelector) return;
    if (document.activeElement && document.activeElement !== document.body) return;
    lost = null;
    var same = before.getAttribute("href")
      ? 'a[href="' + CSS.escape(before.getAttribute("href")) + '"]'
      : before.name ? '[name="' + CSS.escape(before.name) + '"]' + (before.value && before.type !== "text" ? '[value="' + CSS.escape(before.value) + '"]' : "") : "";
    var found = added.querySelector(".is-invalid") || document.querySelector("[data-focus]") ||
      (same && added.querySelector(same)) || added.querySelector("[aria-expanded], a, button, summary");
    if (!found && added.isConnected) {
      added.setAttribute("tabindex", "-1");
      found = added;
    }
    if (found) found.focus({ preventScroll: !found.matches("[data-focus], .is-invalid") });
  });

  // --- print ---------------------------------------------------------------------------------------

  document.querySelectorAll("[data-print]").forEach(function (button) { button.hidden = false; });
  document.addEventListener("click", function (event) {
    if (event.target.closest("[data-print]")) window.print();
  });
})();
