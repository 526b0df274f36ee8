// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '926b927ea92d5488a29e1b563d34e0a170afe65cffcf0b7095b50b4268428e5f';
