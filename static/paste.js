/* 从表格粘贴 in place: a block from a spreadsheet is looked at and added without leaving the page. Without this file
   the link leads to a page of its own.

   A panel [data-takes-block] names its box. Ctrl+V anywhere in the panel fills the box and has it looked at; so
   does a paste into the empty box. In a field of the panel a block is what would not fit there: tabs, or several
   lines. The form [data-looks] keeps its draft until its rows are added (saving.js). */
(function () {
  "use strict";

  var last = null; // the panel clicked last: a click on plain words leaves the focus with the page

  function placeOf(panel) {
    return panel && document.getElementById(panel.dataset.takesBlock);
  }

  function formOf(place) {
    return place && place.querySelector("form[data-looks]");
  }

  function boxOf(form) {
    return form.querySelector("textarea");
  }

  // One cell comes with a line break at its end.
  function isBlock(text, target) {
    var field = target.closest("input, textarea, select, [contenteditable]");
    if (!field) return /[\t\r\n]/.test(text) && /\S/.test(text);
    var within = text.replace(/[\r\n]+$/, "");
    return field.tagName === "TEXTAREA" ? /\t/.test(within) : /[\t\r\n]/.test(within);
  }

  function panelAt(target) {
    var panel = target.closest("[data-takes-block]");
    if (panel) return panel;
    if (target.closest("input, textarea, select, [contenteditable]")) return null;
    if (last && last.isConnected) return last;
    var all = document.querySelectorAll("[data-takes-block]");
    return all.length === 1 ? all[0] : null;
  }

  document.addEventListener("pointerdown", function (event) {
    last = event.target.closest ? event.target.closest("[data-takes-block]") : null;
  });

  document.addEventListener("paste", function (event) {
    var target = event.target.closest ? event.target : document.body;
    var text = event.clipboardData ? event.clipboardData.getData("text/plain") : "";
    var own = target.closest("form[data-looks]");
    if (own && target === boxOf(own)) {
      var isAll = target.selectionEnd - target.selectionStart === target.value.length;
      // Looked at once it stands in the box.
      if (isAll && /[\t\r\n]/.test(text)) setTimeout(function () { own.requestSubmit(); }, 0);
      return;
    }
    var form = !own && formOf(placeOf(panelAt(target)));
    if (!form || !isBlock(text, target)) return;
    event.preventDefault();
    open(form.closest(".paste-place"));
    boxOf(form).value = text;
    boxOf(form).dispatchEvent(new Event("input", { bubbles: true })); // from here on it is kept as a draft
    form.requestSubmit();
  });

  function open(place) {
    place.hidden = false;
    var status = place.querySelector("[data-save-status]");
    if (status) status.textContent = "";
  }

  function focusIn(place) {
    var first = place.querySelector("[name=accept]") || place.querySelector("textarea");
    if (!first) return;
    first.focus({ preventScroll: true });
    place.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("click", function (event) {
    if (event.defaultPrevented && !event.target.closest("[data-closes]")) return;
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    var opener = event.target.closest("[data-opens]");
    var place = opener && document.getElementById(opener.dataset.opens);
    if (formOf(place)) {
      event.preventDefault();
      open(place);
      focusIn(place);
      return;
    }
    var closer = event.target.closest("[data-closes]");
    place = closer && closer.closest(".paste-place");
    if (!formOf(place)) return;
    event.preventDefault(); // htmx fetches an empty box meanwhile
    boxOf(formOf(place)).value = "";
    place.hidden = true;
    var again = document.querySelector('[data-opens="' + CSS.escape(place.id) + '"]');
    if (again) again.focus();
  });

  // What is typed on is not what was looked at: it can be added after it was looked at again.
  document.addEventListener("input", function (event) {
    var form = event.target.closest("form[data-looks]");
    if (!form) return;
    open(form.closest(".paste-place")); // a draft that came back
    var accept = form.querySelector("[name=accept]");
    if (accept) accept.remove();
  });

  function isAdding(event) {
    var trigger = event.detail.requestConfig && event.detail.requestConfig.triggeringEvent;
    return event.detail.elt.matches("form[data-looks]") && trigger && trigger.submitter && trigger.submitter.name === "accept";
  }

  // While rows are being added, nothing is typed that would go with the form.
  document.addEventListener("htmx:beforeSend", function (event) {
    if (isAdding(event)) boxOf(event.detail.elt).readOnly = true;
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    if (event.detail.elt.matches("form[data-looks]")) boxOf(event.detail.elt).readOnly = false;
  });

  // A row that is open in the table is open again afterwards; its draft returns to it.
  document.addEventListener("htmx:configRequest", function (event) {
    if (!event.detail.elt.matches("form[data-looks]")) return;
    var place = event.detail.elt.closest(".paste-place");
    var row = document.querySelector('[data-takes-block="' + CSS.escape(place.id) + '"] .row-form');
    if (!row) return;
    event.detail.parameters.open = row.id.replace(/^row-/, "");
    if (row.dataset.like) event.detail.parameters.like = row.dataset.like;
  });

  document.addEventListener("htmx:load", function (event) {
    var added = event.detail.elt;
    if (!added.matches) return;
    if (added.matches(".paste-place:not([hidden])")) focusIn(added);
    var done = added.matches("[data-takes-block]") && added.querySelector("[data-added]");
    if (done && !added.querySelector(".row-form")) done.focus();
  });
})();
