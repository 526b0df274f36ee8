/** How the agent's messages lie in the bytes of each wire, so that faults are made in the same way on all of them. */
import {
  framePacket,
  isKeyword,
  keyword,
  LispSymbol,
  PacketReader,
  readLisp,
  writeLisp,
  type LispData,
} from '../../server/image/lispData.ts';
import { LineReader } from '../../server/image/socketWire.ts';

export const wireNames = ['socket', 'swank'] as const;
export type WireName = (typeof wireNames)[number];

/** What travels as one: a line, a packet. */
export interface Parcel {
  /** As it came. */
  readonly bytes: Buffer;
  /** There where it is a call: its number on this wire, and the name of what is called. */
  readonly call?: { readonly id: number; readonly op: string; readonly args?: { threads?: boolean } };
  /** There where it is the reply to a call: the call's number. */
  readonly reply?: number;
  /** The number that the agent itself knows the call by. */
  readonly agentId?: number;
}

export interface WireFormat {
  reader(): { push(chunk: Buffer): Parcel[] };
  /** The bytes by which the agent says `json` in place of that reply. */
  inPlaceOf(parcel: Parcel, json: string): Buffer;
  /** The bytes by which the agent says `json` unasked. */
  saying(json: string): Buffer;
  /** What no agent and no Swank says. */
  readonly nonsense: readonly Buffer[];
}

const line = (json: string): Buffer => Buffer.from(`${json}\n`);

const returning = (text: string, id: number): Buffer =>
  framePacket(writeLisp([keyword('RETURN'), [keyword('OK'), text], id]));

const socket: WireFormat = {
  reader() {
    const lines = new LineReader(1 << 26);
    return {
      push: chunk =>
        lines.push(chunk).map((text): Parcel => {
          const { id, op, args, event } = JSON.parse(text) as {
            id: number;
            op?: string;
            args?: { threads?: boolean };
            event?: string;
          };
          const bytes = line(text);
          if (op !== undefined) return { bytes, call: { id, op, ...(args && { args }) }, agentId: id };
          return event === undefined ? { bytes, reply: id, agentId: id } : { bytes };
        }),
    };
  },
  inPlaceOf: (_, json) => line(json),
  saying: line,
  nonsense: [line(''), line('{')],
};

const swank: WireFormat = {
  reader() {
    const packets = new PacketReader();
    return { push: chunk => packets.push(chunk).map(parcelOf) };
  },
  inPlaceOf: ({ reply }, json) => returning(json, reply!),
  saying: json => framePacket(writeLisp([keyword('WRITE-STRING'), json, keyword('HOTLISP')])),
  nonsense: [
    ...['', '(', 'not lisp at all)', '#.(no-data)', '(:no-such-event "é" 1 . 2)', '(:return 7 "x")'].map(
      text => framePacket(text),
    ),
    returning('{}', 987_654_321),
  ],
};

export const wireFormats: Readonly<Record<WireName, WireFormat>> = { socket, swank };

function parcelOf(text: string): Parcel {
  const bytes = framePacket(text);
  // Much else is said by Swank, kilobytes of it after connecting.
  if (!/^\((?::emacs-rex|:return) /i.test(text)) return { bytes };
  const message = readLisp(text) as LispData[];
  const id = Number(message.at(-1));
  const [first, argument] = message[1] as LispData[];
  const json = typeof argument === 'string' && argument.startsWith('{') ? argument : undefined;
  const said =
    json === undefined ? undefined : (JSON.parse(json) as { id: number; op?: string; args?: object });
  const agent = said && { agentId: said.id };
  if (isKeyword(message[0], 'RETURN')) return { bytes, reply: id, ...agent };
  // The agent's own operation, or what is called of Swank and of what loads the agent.
  const op = said?.op ?? (first instanceof LispSymbol ? first.name.toLowerCase() : '');
  return { bytes, call: { id, op, ...(said?.args && { args: said.args }) }, ...agent };
}
