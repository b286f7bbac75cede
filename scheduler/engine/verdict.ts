/** The cost, or dislike, of what is not allowed. */
export const refused = Number.POSITIVE_INFINITY;
