// Copy fields, and a full page load when a live region comes back after the server was away.
document.addEventListener('click', async (event) => {
  const button = event.target.closest?.('[data-copy]');
  if (!button) return;
  const output = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(output.textContent.trim());
  button.classList.add('copied');
  const label = button.querySelector('[data-label]');
  const before = label.textContent;
  label.textContent = button.dataset.copied;
  setTimeout(() => {
    button.classList.remove('copied');
    label.textContent = before;
  }, 2000);
});
// Of a row of tabs or chips that does not fit, the one that is open.
document.addEventListener('DOMContentLoaded', () => {
  document.querySelector(':is(.tabs, .chips) [aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' });
});
// A chat opens at its newest message.
const showNewest = (root) => {
  for (const box of root.querySelectorAll?.('.chat-box') ?? []) box.scrollTop = box.scrollHeight;
};
document.addEventListener('DOMContentLoaded', () => showNewest(document));
document.addEventListener('htmx:after:swap', (event) => showNewest(event.target.parentElement ?? document));
// A dialog comes open from the server; here it becomes a modal one. Escape leads back to the page without it.
document.addEventListener('DOMContentLoaded', () => {
  const dialog = document.querySelector('dialog[open]');
  if (!dialog) return;
  const here = location.pathname + location.search;
  dialog.close();
  dialog.showModal();
  const first = 'form :is(input:not([type=hidden]), select, textarea)';
  (dialog.querySelector('[aria-invalid], [autofocus]') ?? dialog.querySelector(first))?.focus();
  dialog.addEventListener('close', () => {
    history.replaceState(null, '', dialog.dataset.back);
    document.querySelector(`main a[href="${CSS.escape(here)}"]`)?.focus();
  });
});
// A one-time code comes behind the # of its link: it goes into the form and out of the address.
document.addEventListener('DOMContentLoaded', () => {
  const code = document.querySelector('#new-password #code');
  if (!code || location.hash.length < 20) return;
  code.value = location.hash.slice(1);
  code.closest('.field').hidden = true;
  history.replaceState(null, '', location.pathname);
});
