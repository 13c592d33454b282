/* The filing pages. Nothing here is needed to read, fill in or hand in.

   1. A field's message and its own edge agree; what the server understood stands in the field.
   2. Own scores follow the computed score while nobody has changed them; the reason appears when needed.
   3. An upload says how far it is. data-confirm asks once. */
(function () {
  "use strict";

  // --- 1. fields -----------------------------------------------------------------------------------

  function settleField(state) {
    var box = state.closest(".fld");
    if (!box) return;
    var bad = state.hasAttribute("data-unsaved");
    box.querySelectorAll(".form-control, .form-select").forEach(function (input) {
      input.classList.toggle("is-invalid", bad);
      input.setAttribute("aria-invalid", bad ? "true" : "false");
    });
    var input = box.querySelector("input.form-control");
    if (!bad && input && document.activeElement !== input && !input.matches("[data-typed]")) input.value = state.dataset.stored;
  }

  // --- 2. own scores -------------------------------------------------------------------------------

  function differs(form) {
    var state = form.querySelector(".self-state");
    var input = form.querySelector("[name=points]");
    return Boolean(input && state && state.dataset.proposed !== undefined &&
      input.value.trim() !== "" && Number(input.value) !== Number(state.dataset.proposed));
  }

  function settleSelf(state) {
    var form = state.closest("form");
    if (!form) return;
    var input = form.querySelector("[name=points]");
    var reason = form.querySelector(".reason");
    var at = state.hasAttribute("data-unsaved") ? state.dataset.at : "";
    if (input) {
      input.classList.toggle("is-invalid", at === "points");
      if (state.dataset.follows === "1" && document.activeElement !== input && !input.matches("[data-typed]")) input.value = state.dataset.proposed;
    }
    if (reason) {
      var text = reason.querySelector("input");
      text.classList.toggle("is-invalid", at === "reason");
      if (at === "reason") { reason.hidden = false; text.focus(); }
      else if (state.dataset.follows === "1" && !text.matches("[data-typed]")) { reason.hidden = true; text.value = ""; }
    }
  }

  document.addEventListener("input", function (event) {
    var form = event.target.closest(".self-row");
    var reason = form && event.target.name === "points" && form.querySelector(".reason");
    if (reason && differs(form)) reason.hidden = false;
  });

  // A row that is being typed in, waits for its own save, or was refused keeps what it says; its own answer
  // brings the rest.
  var waiting = new WeakSet();

  document.addEventListener("change", function (event) {
    var row = event.target.closest("form.self-row");
    if (row) waiting.add(row);
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    waiting.delete(event.detail.elt);
  });
  document.addEventListener("htmx:oobBeforeSwap", function (event) {
    var row = event.detail.target;
    if (!row || !row.matches || !row.matches("form.self-row")) return;
    if (waiting.has(row) || row.contains(document.activeElement) || row.querySelector("[data-unsaved]") || row.hasAttribute("data-unsent")) {
      event.detail.shouldSwap = false;
    }
  });

  document.addEventListener("htmx:load", function (event) {
    var added = event.detail.elt;
    if (!added.matches) return;
    if (added.matches(".fld-state")) settleField(added);
    if (added.matches(".self-state")) settleSelf(added);
    added.querySelectorAll(".self-state").forEach(settleSelf);
    if (added === document.body || added.id === "rail") showCurrent();
    if (added.matches("section[id^='table-']")) {
      var first = added.querySelector(".row-form .is-invalid") || added.querySelector(".row-form input:not([type=hidden]), .row-form select");
      if (first) first.focus({ preventScroll: false });
      // A copied row is another person, another day: typing replaces what was copied.
      if (first && first.select && first.closest("[data-like]")) first.select();
    }
  });

  function showCurrent() {
    var rail = document.getElementById("rail");
    var current = rail && rail.querySelector("[aria-current]");
    if (current) rail.scrollLeft = current.offsetLeft - (rail.clientWidth - current.clientWidth) / 2;
  }

  // --- 3. uploads, confirm --------------------------------------------------------------------

  document.addEventListener("htmx:xhr:progress", function (event) {
    var label = event.target.querySelector && event.target.querySelector("[data-upload-label]");
    if (!label || !event.detail.lengthComputable || !event.detail.total) return;
    label.textContent = label.dataset.busy + " " + Math.round(event.detail.loaded / event.detail.total * 100) + "%";
  });

  document.addEventListener("submit", function (event) {
    var words = event.target.dataset.confirm;
    if (words && !window.confirm(words)) event.preventDefault();
  });
})();
