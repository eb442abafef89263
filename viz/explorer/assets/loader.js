// Loader: inflates what the page is made of, and runs it. The policy of the page allows this script
// and that one, by their hashes, and no others.

const inflate = async (id) => {
  const octets = atob(document.getElementById(id).textContent.trim());
  const bytes = Uint8Array.from(octets, (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Response(stream).text();
};

Promise.all(['graph', 'program'].map(inflate)).then(([json, program]) => {
  document.getElementById('graph').textContent = json;
  const script = document.createElement('script');
  script.textContent = program;
  document.body.append(script);
}).catch((error) => {
  const place = document.getElementById('status') ?? document.getElementById('caption');
  place.textContent = `This page can't be shown: ${error.message}`;
  throw error;
});
