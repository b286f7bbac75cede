/** `spec.schedulerName` of the pods that are ours. */
export const schedulerNames: ReadonlySet<string> = new Set(['', 'default-scheduler', 'berth']);
