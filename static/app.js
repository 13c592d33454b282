/* Small behaviour on top of htmx; nothing here is needed to read or to submit a page. Saving is in saving.js.

   1. [data-changed]: a value the server has just recalculated is marked for a moment.
   2. Focus that a swap would lose goes to a mistake, to [data-focus], to the same control, or near it.
   3. [data-print] prints; such a button is hidden until this file has run. */
(function () {
  "use strict";

  // --- recalculated values -------------------------------------------------------------------------

  document.addEventListener("htmx:load", function (event) {
    var added = event.detail.elt;
    if (!added || added === document.body) return;
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
