// Writes a zip archive: enough of the format for a .vsix, with the same bytes for the same files.
import { deflateRawSync } from 'node:zlib';

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

function crc32(data) {
  let rest = 0xffffffff;
  for (const byte of data) rest = table[(rest ^ byte) & 0xff] ^ (rest >>> 8);
  return (rest ^ 0xffffffff) >>> 0;
}

const VERSION = 20; // 2.0: deflate
const UTF8_NAMES = 0x800;
const DEFLATE = 8;
const FIRST_DAY = 0x21; // 1980-01-01, the first that the format can tell

/** The fields that a file's own header and the directory have in common (APPNOTE 4.4, from "version needed" to "extra field length"). */
function commonFields({ name, data, packed }) {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(VERSION, 0);
  fields.writeUInt16LE(UTF8_NAMES, 2);
  fields.writeUInt16LE(DEFLATE, 4);
  fields.writeUInt16LE(FIRST_DAY, 8);
  fields.writeUInt32LE(crc32(data), 10);
  fields.writeUInt32LE(packed.length, 14);
  fields.writeUInt32LE(data.length, 18);
  fields.writeUInt16LE(name.length, 22);
  return fields;
}

const signature = (...bytes) => Buffer.from([0x50, 0x4b, ...bytes]);

/**
 * @param {Map<string, Buffer>} files contents by path, with forward slashes
 * @returns {Buffer}
 */
export function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [file, data] of files) {
    const entry = { name: Buffer.from(file, 'utf8'), data, packed: deflateRawSync(data, { level: 9 }) };
    const common = commonFields(entry);
    const local = Buffer.concat([signature(3, 4), common, entry.name, entry.packed]);
    const tail = Buffer.alloc(14); // comment length, disk number, attributes: all 0
    tail.writeUInt32LE(offset, 10);
    const madeBy = Buffer.from([VERSION, 0]);
    directory.push(Buffer.concat([signature(1, 2), madeBy, common, tail, entry.name]));
    parts.push(local);
    offset += local.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.size, 4);
  end.writeUInt16LE(files.size, 6);
  end.writeUInt32LE(listing.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, listing, signature(5, 6), end]);
}
