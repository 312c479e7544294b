/** How many words follow a flag: none, one, one at most, or one and more. */
export type FlagArity = 'switch' | 'value' | 'optional' | 'list';
