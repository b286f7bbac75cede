/** The plane's authority, as this room sees it; whoever starts the controllers hands it in. */

export interface CertificateFacts {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
  /** What else the request names, by kind. */
  readonly others: readonly string[];
  /** The same for two requests with one key. */
  readonly keyId: string;
}

export interface CertificateSigner {
  /** Throws when the request cannot be read. */
  read(requestPem: string): Promise<CertificateFacts>;
  /** The certificate as PEM. */
  sign(
    requestPem: string,
    terms: {
      readonly client: boolean;
      readonly server: boolean;
      readonly seconds?: number | undefined;
    },
  ): Promise<string>;
  /** Names that the apiserver itself answers to: no node may have one. */
  readonly reservedNames: readonly string[];
}
