// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '138e8e0838cb58f3d11a4b37d48e9d501a7cbad5688600da98566a4be917c794';
