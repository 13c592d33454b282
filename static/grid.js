/* The grid: Enter saves a row and goes to the next, the arrows move, = takes the proposal.

   Without this file each row has its own button and the form saves all that was filled in. */
(function () {
  "use strict";

  var BOX = "[data-grid-box], [data-grid-reason]";

  function row(field) { return field.closest("[data-grid-row]"); }

  function rows() {
    return Array.from(document.querySelectorAll("[data-grid-row]")).filter(function (one) { return box(one); });
  }

  function box(one) { return one.querySelector("input[data-grid-box]") || one.querySelector("[data-grid-box]"); }

  function said(one) {
    return Array.from(one.querySelectorAll(BOX)).map(function (field) { return field.value.trim(); }).join("\n");
  }

  // What each row said when it was last drawn, to tell whether it waits to be saved.
  var drawn = new WeakMap();

  function remember() {
    document.querySelectorAll("[data-grid-row]").forEach(function (one) {
      if (!drawn.has(one)) drawn.set(one, said(one));
    });
    document.querySelectorAll("[data-grid-fill]").forEach(function (button) { button.hidden = false; });
  }

  function number(text) {
    var parts = String(text).normalize("NFKC").trim().replace("\u2212", "-").split("/");
    if (!/^-?\d+(\.\d+)?$/.test(parts[0])) return null;
    return Number(parts[0]) / (parts.length > 1 ? Number(parts[1]) : 1);
  }

  // The server asks again; this only spares the way there and back.
  function needsReason(one) {
    var field = one.querySelector("[data-grid-reason]");
    if (!field || field.value.trim()) return false;
    var verdict = one.querySelector("select[data-grid-box]");
    if (verdict && one.dataset.verdict && verdict.value && verdict.value !== one.dataset.verdict) return true;
    var points = one.querySelector("input[data-grid-box]");
    var now = points ? number(points.value) : null;
    if (now === null) return false;
    if (one.dataset.offer) return Math.abs(now - number(one.dataset.offer)) > 1e-9;
    return Boolean(one.dataset.self) && now < number(one.dataset.self) - 1e-9;
  }

  function isBlank(one) {
    return Array.from(one.querySelectorAll("[data-grid-box]")).every(function (field) { return !field.value.trim(); });
  }

  function save(one) {
    if (isBlank(one)) return;
    drawn.set(one, said(one));
    htmx.trigger(one, "save-row");
  }

  function move(one, by) {
    var all = rows();
    var next = all[all.indexOf(one) + by];
    if (!next) return false;
    var field = box(next);
    field.focus();
    if (field.select) field.select();
    return true;
  }

  function fill(one) {
    var button = one.querySelector("[data-grid-fill]");
    var field = one.querySelector("input[data-grid-box]");
    if (button && field) field.value = button.dataset.gridFill;
  }

  document.addEventListener("keydown", function (event) {
    if (!event.target.matches || !event.target.matches(BOX) || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    var one = row(event.target);
    if (event.key === "Enter") {
      event.preventDefault();
      if (event.target.matches("[data-grid-box]") && needsReason(one)) {
        one.querySelector("[data-grid-reason]").focus();
        return;
      }
      save(one);
      if (!move(one, 1)) document.querySelector("[data-grid-all]").focus();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !event.target.matches("select")) {
      event.preventDefault();
      move(one, event.key === "ArrowDown" ? 1 : -1);
    } else if ((event.key === "=" || event.key === "\uff1d") && event.target.matches("input[data-grid-box]")) {
      event.preventDefault();
      fill(one);
    }
  });

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-grid-fill]");
    if (!button) return;
    fill(row(button));
    row(button).querySelector("input[data-grid-box]").focus();
  });

  // A row that is left with something new in it is saved, but for one that still has to say why.
  document.addEventListener("focusout", function (event) {
    if (!event.target.matches || !event.target.matches(BOX)) return;
    var one = row(event.target);
    if (one.contains(event.relatedTarget) || drawn.get(one) === said(one) || needsReason(one)) return;
    save(one);
  });

  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-grid-choose]")) event.target.form.submit();
  });

  document.addEventListener("htmx:afterSettle", remember);
  document.querySelectorAll(".grid-keys").forEach(function (keys) { keys.hidden = false; });
  document.querySelectorAll("[data-grid-go]").forEach(function (button) { button.hidden = true; });
  remember();
  var first = rows().find(isBlank);
  if (first) box(first).focus();
})();
