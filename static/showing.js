/* 展示考核: the clock, a word when the server is gone, and choosing units at once. Display only: what time it is,
   who has scored and what may be pressed is the server's; the pages do without this file. */
(function () {
  "use strict";

  // --- the clock: the server's start and time, so a reload or a wrong clock of the tablet changes nothing ----------

  var skews = new WeakMap(); // clock element -> this machine's time minus the server's, in ms

  function two(n) { return String(n).padStart(2, "0"); }

  function tick() {
    document.querySelectorAll("[data-clock]").forEach(function (clock) {
      if (!skews.has(clock)) skews.set(clock, Date.now() - Number(clock.dataset.now));
      var left = Number(clock.dataset.until) - (Date.now() - skews.get(clock));
      var seconds = Math.floor(Math.abs(left) / 1000) + (left > 0 && left % 1000 ? 1 : 0);
      var shown = clock.querySelector("[data-left]");
      shown.textContent = (left < 0 ? "+" : "") + two(Math.floor(seconds / 60)) + ":" + two(seconds % 60);
      shown.hidden = false;
      clock.classList.toggle("soon", left >= 0 && left <= 60000);
      clock.classList.toggle("over", left < 0);
      clock.querySelector("[data-soon]").hidden = !(left >= 0 && left <= 60000);
      clock.querySelector("[data-over]").hidden = left >= 0;
      clock.querySelector("[data-until-words]").hidden = left <= 60000;
    });
  }
  tick();
  setInterval(tick, 250);
  document.addEventListener("htmx:load", tick);

  // --- the line to the server ----------------------------------------------------------------------

  function lost(is) {
    document.querySelectorAll("[data-lost]").forEach(function (note) { note.hidden = !is; });
  }

  ["htmx:sendError", "htmx:timeout"].forEach(function (name) {
    document.addEventListener(name, function (event) {
      if (event.target.closest && event.target.closest("[data-room]")) lost(true);
    });
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    if (event.detail.xhr && event.detail.xhr.status > 0) lost(event.detail.xhr.status === 502 || event.detail.xhr.status === 504);
  });

  // An answer to the question "what is new?" must not come in front of a score that is on its way.
  document.addEventListener("htmx:beforeSwap", function (event) {
    var verb = event.detail.requestConfig && event.detail.requestConfig.verb;
    if (verb === "get" && event.target.matches("[data-room]") && event.target.querySelector("form.htmx-request")) {
      event.detail.shouldSwap = false;
    }
  });

  // --- the whole screen ----------------------------------------------------------------------------

  document.querySelectorAll("[data-fullscreen]").forEach(function (button) {
    button.hidden = !document.fullscreenEnabled;
    button.addEventListener("click", function () {
      if (document.fullscreenElement) document.exitFullscreen();
      else document.documentElement.requestFullscreen();
    });
  });

  // --- choosing units ------------------------------------------------------------------------------

  document.querySelectorAll("[data-pick]").forEach(function (bar) { bar.hidden = false; });
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-pick] button");
    if (!button) return;
    document.querySelectorAll('.picks input[name="unit"]:not(:disabled)').forEach(function (box) {
      box.checked = "pickAll" in button.dataset ||
        ("pickGroup" in button.dataset && box.dataset.group === button.dataset.pickGroup);
      box.dispatchEvent(new Event("change", { bubbles: true }));
    });
  });
  document.addEventListener("change", function (event) {
    if (event.target.name !== "order" || event.target.type !== "radio") return;
    event.target.form.querySelectorAll(".choice").forEach(function (choice) {
      choice.classList.toggle("on", choice.querySelector("input").checked);
    });
  });
})();
