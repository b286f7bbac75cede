import { createHash } from 'node:crypto';
import { type TarEntry, tar } from './tar.ts';

/** An image of one layer, in the form that `docker load` takes. */
export interface ImageSource {
  /** `repository:tag`. */
  readonly reference: string;
  /** Go's name: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly files: readonly TarEntry[];
  /** The `Config` of the image: `Entrypoint`, `Cmd`, `Env` … */
  readonly config: Readonly<Record<string, unknown>>;
}

/** The archive for the engine's image-load call. */
export function imageArchive({ reference, architecture, files, config }: ImageSource): Buffer {
  const layer = tar(files);
  const diffId = `sha256:${createHash('sha256').update(layer).digest('hex')}`;
  const image = {
    architecture,
    os: 'linux',
    created: '2026-01-01T00:00:00Z',
    config,
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created: '2026-01-01T00:00:00Z', created_by: 'berth' }],
  };
  const manifest = [{ Config: 'image.json', RepoTags: [reference], Layers: ['layer.tar'] }];
  return tar([
    { path: 'layer.tar', content: layer },
    { path: 'image.json', content: JSON.stringify(image) },
    { path: 'manifest.json', content: JSON.stringify(manifest) },
  ]);
}
