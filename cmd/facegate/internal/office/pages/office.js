'use strict';
for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false;
  button.addEventListener('click', () => print());
}
addEventListener('beforeprint', () => {
  for (const field of document.querySelectorAll('[data-to]')) {
    if (field.type === 'radio' && !field.checked) continue;
    for (const to of document.querySelectorAll(`[data-from=${field.dataset.to}]`)) to.textContent = field.dataset.says ?? field.value;
  }
});
const live = document.getElementById('live');
if (live) {
  const bar = document.getElementById('bar'), events = new EventSource(live.dataset.events);
  for (const form of document.forms) form.addEventListener('submit', () => events.close());
  events.onmessage = e => {
    const seen = JSON.parse(e.data);
    if (seen.ended) {
      events.close();
      location.replace(live.dataset.next);
      return;
    }
    live.lang = seen.lang;
    if (live.textContent !== seen.say) live.textContent = seen.say;
    document.getElementById('left').textContent = seen.left;
    bar.max = seen.want;
    bar.value = seen.taken;
  };
}
