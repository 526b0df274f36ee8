// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '10a576534c2018618cafdf62982d67c3dbc7f141ef241d652adaaeb39bd0d565';
