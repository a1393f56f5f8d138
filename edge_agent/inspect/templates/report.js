"use strict";
(() => {
  const cards = [...document.querySelectorAll(".card[data-kinds]")];
  const choices = [...document.querySelectorAll(".pareto tr.choice")];
  const told = document.querySelector("#shown");
  let chosen = null;

  const filter = (kind) => {
    chosen = kind === chosen ? null : kind;
    let shown = 0;
    for (const card of cards) {
      const fits = chosen === null || JSON.parse(card.dataset.kinds).includes(chosen);
      card.hidden = !fits;
      shown += fits;
    }
    for (const row of choices) {
      row.classList.toggle("on", row.dataset.kind === chosen);
      row.classList.toggle("off", chosen !== null && row.dataset.kind !== chosen);
      row.querySelector("button").setAttribute("aria-pressed", String(row.dataset.kind === chosen));
    }
    if (told) told.textContent = chosen === null ? "" : `${shown} with ${chosen}; choose it again to see all`;
  };
  for (const row of choices) row.addEventListener("click", () => filter(row.dataset.kind));

  // a part that the filter hides comes back when it is asked for
  for (const dot of document.querySelectorAll("a.dot")) {
    dot.addEventListener("click", () => {
      const card = document.getElementById(dot.hash.slice(1));
      if (card && card.hidden) filter(chosen);
      for (const other of document.querySelectorAll(".card.lit")) other.classList.remove("lit");
      if (card) card.classList.add("lit");
    });
  }

  const large = document.querySelector("#large");
  for (const stack of document.querySelectorAll(".shot .stack")) {
    stack.addEventListener("click", () => {
      const copy = stack.cloneNode(true);
      copy.classList.toggle("with-heat", stack.parentElement.querySelector(".show-heat")?.checked ?? false);
      large.querySelector(".stack")?.remove();
      large.prepend(copy);
      large.querySelector("p").textContent = stack.closest(".card").querySelector("h3").textContent;
      large.showModal();
    });
  }
  large?.querySelector("button").addEventListener("click", () => large.close());
  large?.addEventListener("click", (event) => { if (event.target === large) large.close(); });
})();
