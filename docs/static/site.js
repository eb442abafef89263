// Pages to explore, in frames, follow the theme that the reader chose for the site.

// Any origin: pages that are opened from a folder have none.
function sendTheme(page) {
  page.postMessage({ theme: document.body.dataset.theme ?? 'auto' }, '*');
}

addEventListener('message', ({ source, data }) => {
  if (data?.ask === 'theme') sendTheme(source);
});

new MutationObserver(() => {
  for (const frame of document.querySelectorAll('.live iframe')) sendTheme(frame.contentWindow);
}).observe(document.body, { attributeFilter: ['data-theme'] });
