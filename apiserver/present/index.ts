/** The room's one way in: how answers look. */
export {
  type Conversion,
  discoveryContentType,
  type MediaType,
  type Negotiated,
  negotiate,
  negotiateDiscovery,
  notAcceptableList,
  notAcceptableObject,
  preferredMediaType,
} from './accept.ts';
export {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  type ServedResource,
  type ServedSubresource,
} from './discovery.ts';
export {
  type OpenApiOptions,
  openApiDocument,
  openApiHash,
  openApiIndex,
  openApiPath,
} from './openapi.ts';
export type { OpenApiKind, OpenApiSubresource } from './openapi-kind.ts';
export { type ListMeta, partialObject, partialObjectList } from './partial-object.ts';
export {
  type IncludeObject,
  makeTable,
  parseIncludeObject,
  type Table,
  type TableKind,
  type TableOptions,
  type TableRow,
} from './table.ts';
