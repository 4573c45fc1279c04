// The packed data: a typed array per column.

const ARRAYS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array };

async function unpackColumn(text, bytes) {
  const binary = atob(text);
  const packed = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) packed[i] = binary.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  return new ARRAYS[bytes](buffer);
}

async function unpack(content) {
  const names = Object.keys(content.columns);
  const arrays = await Promise.all(names.map((name) => unpackColumn(content.columns[name], content.types[name])));
  const columns = Object.fromEntries(names.map((name, i) => [name, arrays[i]]));
  return { ...content, columns, longest: greatest(columns.tenure_months) };
}

function greatest(column) {
  let found = 0;
  for (const value of column) if (value > found) found = value;
  return found;
}
