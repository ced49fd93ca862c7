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
// A chat opens at its newest message.
const showNewest = (root) => {
  for (const box of root.querySelectorAll?.('.chat-box') ?? []) box.scrollTop = box.scrollHeight;
};
document.addEventListener('DOMContentLoaded', () => showNewest(document));
document.addEventListener('htmx:after:swap', (event) => showNewest(event.target.parentElement ?? document));
