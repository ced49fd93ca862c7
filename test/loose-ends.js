// Evaluated in a page: what axe does not ask. Gives one line a fault.
(() => {
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  const names = ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for', 'popovertarget', 'commandfor'];
  const wanted = names.flatMap((name) =>
    [...document.querySelectorAll(`[${name}]`)].flatMap((node) => node.getAttribute(name).split(' ')),
  );
  const { scrollWidth, clientWidth } = document.documentElement;
  const keys =
    /\b(audit|auth|common|connection|errors|hub|leads|legal|opportunities|reconciliation|settings|sync):[a-z]\w*|undefined|\[object|NaN|\{\{(?!\d)/;
  return [
    ...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `two elements are #${id}`),
    ...wanted.filter((id) => !ids.includes(id)).map((id) => `nothing is #${id}`),
    ...(document.querySelectorAll('h1').length === 1 ? [] : ['not one h1']),
    ...(scrollWidth > clientWidth ? [`${scrollWidth - clientWidth} px too wide`] : []),
    ...(keys.exec(document.body.innerText) ?? []).slice(0, 1),
  ];
})();
