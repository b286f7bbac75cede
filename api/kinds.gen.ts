// Generated from crds/**/*.yaml by `npx tsx scripts/generate.ts`; do not edit.

import type { Condition, ObjectMeta } from './meta.ts';
import type { Schema } from './schema.ts';

/** A disk of AWS EBS. Kept, and not acted on yet. */
export interface AWSElasticBlockStoreVolumeSource {
  /** Id of the disk. */
  readonly volumeID: string;
  /** File system of the volume: `ext4`. */
  readonly fsType?: string;
  /** Number of the partition; 0 for the whole disk. */
  readonly partition?: number;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
}

/** Rules that draw the pod to nodes or other pods, or keep it from them. */
export interface Affinity {
  /** Rules about nodes. */
  readonly nodeAffinity?: NodeAffinity;
  /** Rules to be near other pods. */
  readonly podAffinity?: PodAffinity;
  /** Rules to be away from other pods. */
  readonly podAntiAffinity?: PodAntiAffinity;
}

/** Takes its rules from other ClusterRoles. */
export interface AggregationRule {
  /** The ClusterRoles, by their labels; those that match any of these. */
  readonly clusterRoleSelectors?: readonly LabelSelector[];
}

/** AppArmor profile. Kept, and not acted on yet. */
export interface AppArmorProfile {
  /** `Unconfined`, `RuntimeDefault`, or `Localhost` for a profile loaded on the node. */
  readonly type: 'Unconfined' | 'RuntimeDefault' | 'Localhost';
  /** With `Localhost`, the name of the profile. */
  readonly localhostProfile?: string;
}

/** A volume that is attached. */
export interface AttachedVolume {
  /** Its name. */
  readonly name: string;
  /** Its device. */
  readonly devicePath: string;
}

/** One annotation. */
export interface AuditAnnotation {
  /** Its key, behind the name of the policy and a slash. */
  readonly key: string;
  /** Its value as an expression; null for none. */
  readonly valueExpression: string;
}

/** A disk of Azure. Kept, and not acted on yet. */
export interface AzureDiskVolumeSource {
  /** Name of the disk. */
  readonly diskName: string;
  /** Where the disk is kept. */
  readonly diskURI: string;
  /** `None`, `ReadOnly` or `ReadWrite` (default). */
  readonly cachingMode?: 'None' | 'ReadOnly' | 'ReadWrite';
  /** File system of the volume: `ext4`. */
  readonly fsType?: string;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
  /** `Shared` (default), `Dedicated` or `Managed`. */
  readonly kind?: 'Shared' | 'Dedicated' | 'Managed';
}

/** A share of Azure Files. Kept, and not acted on yet. */
export interface AzureFileVolumeSource {
  /** Secret with account name and key. */
  readonly secretName: string;
  /** Name of the share. */
  readonly shareName: string;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
}

/** Puts a pod on a node. */
export interface Binding {
  readonly apiVersion: 'v1';
  readonly kind: 'Binding';
  readonly metadata?: ObjectMeta;
  /** The node: kind `Node` and its name. */
  readonly target: ObjectReference;
}

/** The token is valid only as long as this object exists. */
export interface BoundObjectReference {
  /** `Pod`, `Secret` or `Node`. */
  readonly kind?: string;
  /** Version of the object: `v1`. */
  readonly apiVersion?: string;
  /** Name of the object. */
  readonly name?: string;
  /** Its `metadata.uid`. */
  readonly uid?: string;
}

/** A volume made by a CSI driver for this pod alone. Kept, and not acted on yet. */
export interface CSIVolumeSource {
  /** Name of the driver. */
  readonly driver: string;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
  /** File system of the volume: `ext4`. */
  readonly fsType?: string;
  /** Settings for the driver. */
  readonly volumeAttributes?: Readonly<Record<string, string>>;
  /** Secret handed to the driver. */
  readonly nodePublishSecretRef?: LocalObjectReference;
}

/** Rights of root to add or take away. */
export interface Capabilities {
  /** Rights to add: `NET_ADMIN`. */
  readonly add?: readonly string[];
  /** Rights to take away; `ALL` takes every one. */
  readonly drop?: readonly string[];
}

/** Asks how many more instances of a template would fit now, on each node and in all. */
export interface Capacity {
  readonly apiVersion: 'berth.dev/v1';
  readonly kind: 'Capacity';
  readonly metadata?: ObjectMeta;
  /** What is to fit. */
  readonly spec: CapacitySpec;
  /** The answer. */
  readonly status?: CapacityStatus;
}

/** One node. */
export interface CapacityNode {
  /** Its name. */
  readonly name?: string;
  /** How many would fit there. */
  readonly room?: number;
  /** Instances of the same workload that it has. */
  readonly has?: number;
  /** How many of `count` it would get. */
  readonly gets?: number;
  /** Where none fits, why. */
  readonly message?: string;
}

/** What is to fit. */
export interface CapacitySpec {
  /** A Pod, VM or Workload, whole as in a manifest; of a Workload one of its instances counts. */
  readonly template: Readonly<Record<string, unknown>>;
  /** With `count`: how these are laid out. Default: the Workload's, else `Spread`. */
  readonly strategy?: 'Spread' | 'Fill' | 'Each' | 'Global' | 'Drained';
  /**
   * Also tells how so many would be laid out at once: in all, with Each on every node, with Fill up to so many on every node.
   */
  readonly count?: number;
  /**
   * Spread: the most that one node may have. Each, Fill: on how many nodes. 0 (default): no limit, all nodes.
   */
  readonly limit?: number;
}

/** The answer. */
export interface CapacityStatus {
  /** In one line. */
  readonly message?: string;
  /** How many would fit in all. */
  readonly total?: number;
  /** Why `count` cannot be laid out; absent where it can, or is not asked. */
  readonly refused?: string;
  /** Every node, by name. */
  readonly nodes?: readonly CapacityNode[];
}

/** A CephFS directory. Kept, and not acted on yet. */
export interface CephFSVolumeSource {
  /** Addresses of Ceph monitors. */
  readonly monitors: readonly string[];
  /** Directory of the file system; default `/`. */
  readonly path?: string;
  /** User of Ceph; default `admin`. */
  readonly user?: string;
  /** File of the node with the key ring. */
  readonly secretFile?: string;
  /** Secret with the credentials. */
  readonly secretRef?: LocalObjectReference;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
}

/**
 * Asks for a certificate: whoever may approve it, a person with `kubectl certificate approve` or the plane itself for its nodes, approves or denies it; then it is signed. Deleted some time after that.
 */
export interface CertificateSigningRequest {
  readonly apiVersion: 'certificates.k8s.io/v1';
  readonly kind: 'CertificateSigningRequest';
  readonly metadata: ObjectMeta;
  /** What is asked for, and by whom. Cannot be changed. */
  readonly spec: CertificateSigningRequestSpec;
  /** Whether it was approved, and the certificate. */
  readonly status?: CertificateSigningRequestStatus;
}

/** One thing that was decided. */
export interface CertificateSigningRequestCondition {
  /** `Approved`, `Denied` or `Failed`. */
  readonly type: string;
  /** Always `True` for these three. */
  readonly status: 'True' | 'False' | 'Unknown';
  /** One word in CamelCase for programs. */
  readonly reason?: string;
  /** The reason for people. */
  readonly message?: string;
  /** When it was last said. */
  readonly lastUpdateTime?: string;
  /** When `status` last changed. */
  readonly lastTransitionTime?: string;
}

/** What is asked for, and by whom. Cannot be changed. */
export interface CertificateSigningRequestSpec {
  /** The PKCS#10 request as PEM (`CERTIFICATE REQUEST`), in base64. */
  readonly request: string;
  /**
   * Who shall sign: `kubernetes.io/kube-apiserver-client` (a client; approved by a person), `kubernetes.io/kube-apiserver-client-kubelet` (an agent as a client) or `kubernetes.io/kubelet-serving` (an agent's own server). Requests for others are kept for signers of yours.
   */
  readonly signerName: string;
  /** How long the certificate should be valid, at least 600; default, and most, a year. */
  readonly expirationSeconds?: number;
  /** What the key is for, as in RFC 5280: `client auth`, `server auth`, `digital signature`. */
  readonly usages?: readonly string[];
  /** Who asks; set by the server. */
  readonly username?: string;
  /** The id of who asks; set by the server. */
  readonly uid?: string;
  /** The groups of who asks; set by the server. */
  readonly groups?: readonly string[];
  /** What else the authenticator said; set by the server. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** Whether it was approved, and the certificate. */
export interface CertificateSigningRequestStatus {
  /** `Approved`, `Denied` or `Failed`, and why. Never taken back. */
  readonly conditions?: readonly CertificateSigningRequestCondition[];
  /** The signed certificate as PEM, in base64; empty until it is signed. */
  readonly certificate?: string;
}

/** A disk of OpenStack Cinder. Kept, and not acted on yet. */
export interface CinderVolumeSource {
  /** Id of the disk. */
  readonly volumeID: string;
  /** File system of the volume: `ext4`. */
  readonly fsType?: string;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
  /** Secret with the credentials. */
  readonly secretRef?: LocalObjectReference;
}

/** What may be done: in all namespaces with a ClusterRoleBinding, in one with a RoleBinding. */
export interface ClusterRole {
  readonly apiVersion: 'rbac.authorization.k8s.io/v1';
  readonly kind: 'ClusterRole';
  readonly metadata: ObjectMeta;
  /** What is allowed. */
  readonly rules?: readonly PolicyRule[] | null;
  /** Takes its rules from other ClusterRoles. */
  readonly aggregationRule?: AggregationRule;
}

/** Gives a ClusterRole to people and programs, everywhere. */
export interface ClusterRoleBinding {
  readonly apiVersion: 'rbac.authorization.k8s.io/v1';
  readonly kind: 'ClusterRoleBinding';
  readonly metadata: ObjectMeta;
  /** Who gets it. */
  readonly subjects?: readonly Subject[];
  /** The role that is given. Cannot be changed. */
  readonly roleRef: RoleRef;
}

/** Certificates of authorities. */
export interface ClusterTrustBundleProjection {
  /** One bundle by name. */
  readonly name?: string;
  /** All bundles of a signer. */
  readonly signerName?: string;
  /** With `signerName`, only bundles with these labels. */
  readonly labelSelector?: LabelSelector;
  /** Path of the file below the mount. */
  readonly path: string;
  /** True: it may be missing. */
  readonly optional?: boolean;
}

/**
 * Configuration as keys and values, for environment variables and files of pods. At most 1 MiB.
 */
export interface ConfigMap {
  readonly apiVersion: 'v1';
  readonly kind: 'ConfigMap';
  readonly metadata: ObjectMeta;
  /** Keys and values, as text. Keys are letters, digits, `-`, `_` and `.`. */
  readonly data?: Readonly<Record<string, string>>;
  /** Keys and values, in base64. No key may stand in both. */
  readonly binaryData?: Readonly<Record<string, string>>;
  /** True: the data can never be changed again; only deleted. */
  readonly immutable?: boolean;
}

/** The ConfigMap. */
export interface ConfigMapEnvSource {
  /** Name of the ConfigMap. */
  readonly name?: string;
  /** True: it may be missing. Otherwise the container waits for it. */
  readonly optional?: boolean;
}

/** A key of a ConfigMap. */
export interface ConfigMapKeySelector {
  /** Name of the ConfigMap. */
  readonly name?: string;
  /** The key. */
  readonly key: string;
  /** True: no variable when ConfigMap or key is missing. Otherwise the container waits for it. */
  readonly optional?: boolean;
}

/** A ConfigMap. */
export interface ConfigMapNodeConfigSource {
  /** Namespace of the ConfigMap. */
  readonly namespace: string;
  /** Name of the ConfigMap. */
  readonly name: string;
  /** Its `metadata.uid`; only in status. */
  readonly uid?: string;
  /** Its `metadata.resourceVersion`; only in status. */
  readonly resourceVersion?: string;
  /** Key of the configuration. */
  readonly kubeletConfigKey: string;
}

/** Keys of a ConfigMap. */
export interface ConfigMapProjection {
  /** Name of the ConfigMap. */
  readonly name?: string;
  /** Only these keys, at these paths. */
  readonly items?: readonly KeyToPath[];
  /** True: it may be missing. */
  readonly optional?: boolean;
}

/** The keys of a ConfigMap as files. */
export interface ConfigMapVolumeSource {
  /** Name of the ConfigMap. */
  readonly name?: string;
  /** Only these keys, at these paths; all keys under their own names when absent. */
  readonly items?: readonly KeyToPath[];
  /** Permissions of the files as a number, 0 to 511; default 420, which is octal 0644. */
  readonly defaultMode?: number;
  /** True: it may be missing, and the directory is empty. Otherwise the pod waits for it. */
  readonly optional?: boolean;
}

/** One process and what it needs. */
export interface Container {
  /** Name of the container, unique in the pod; `kubectl logs -c` takes it. Cannot be changed. */
  readonly name: string;
  /**
   * The image: `nginx:1.29`, `registry.example/team/app@sha256:…`. With runtime systemd it may be absent (programs of the machine) or name a root directory.
   */
  readonly image?: string;
  /**
   * Replaces the image's entrypoint: program and first arguments, without a shell. `$(NAME)` stands for an environment variable, `$$` for a dollar sign.
   */
  readonly command?: readonly string[];
  /**
   * Replaces the image's arguments. `$(NAME)` stands for an environment variable, `$$` for a dollar sign.
   */
  readonly args?: readonly string[];
  /** Directory in which it starts; the image's own when absent. */
  readonly workingDir?: string;
  /**
   * Ports it listens on. They are reachable at the pod's address whether named here or not; `hostPort` publishes one on the machine.
   */
  readonly ports?: readonly ContainerPort[];
  /** Environment variables. A change takes effect when the container is started anew. */
  readonly env?: readonly EnvVar[];
  /** How much CPU and memory it needs, and how much it may use at most. */
  readonly resources?: ResourceRequirements;
  /** Volumes of the pod, and where they appear inside. */
  readonly volumeMounts?: readonly VolumeMount[];
  /** Check that restarts the container when it fails. */
  readonly livenessProbe?: Probe;
  /** Check that decides whether the container counts as ready. */
  readonly readinessProbe?: Probe;
  /** What to do right after the start and before the stop. */
  readonly lifecycle?: Lifecycle;
  /**
   * File inside the container whose text becomes the message of its end; default `/dev/termination-log`.
   */
  readonly terminationMessagePath?: string;
  /**
   * When the image is fetched: `Always`, `IfNotPresent` or `Never`. Default: `Always` for the tag `latest` or no tag, else `IfNotPresent`.
   */
  readonly imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  /** User, group and privileges; goes before the pod's. */
  readonly securityContext?: SecurityContext;
  /** True keeps standard input open, for `kubectl attach -i`; default false. */
  readonly stdin?: boolean;
  /** True closes standard input after the first client has left. */
  readonly stdinOnce?: boolean;
  /** True gives it a terminal; default false. */
  readonly tty?: boolean;
  /**
   * ConfigMaps and Secrets whose every key becomes an environment variable; a later one wins over an earlier one, and `env` over both.
   */
  readonly envFrom?: readonly EnvFromSource[];
  /**
   * `File` (default) reads only that file; `FallbackToLogsOnError` takes the end of the log when it is empty and the container failed.
   */
  readonly terminationMessagePolicy?: 'File' | 'FallbackToLogsOnError';
  /** Volumes of mode `Block` that appear inside as devices. */
  readonly volumeDevices?: readonly VolumeDevice[];
  /** Check that must succeed once before the other checks begin. */
  readonly startupProbe?: Probe;
  /** Whether a change of resources restarts the container. Kept, and not acted on yet. */
  readonly resizePolicy?: readonly ContainerResizePolicy[];
  /** On an init container, `Always` keeps it running beside the others. */
  readonly restartPolicy?: string;
}

/** An image of the node. */
export interface ContainerImage {
  /** Its names, with tag or digest. */
  readonly names?: readonly string[];
  /** Its size in bytes. */
  readonly sizeBytes?: number;
}

/** What one container uses. */
export interface ContainerMetrics {
  /** The container, as the pod names it. */
  readonly name?: string;
  /** Cores in use over the window (`cpu`), and the working set in bytes (`memory`). */
  readonly usage?: Readonly<Record<string, string>>;
}

/** A port that a container listens on. */
export interface ContainerPort {
  /** Name of the port, unique in the pod; at most 15 characters. */
  readonly name?: string;
  /**
   * Port of the machine that leads here; none when absent or 0. Only one pod of a node can have it.
   */
  readonly hostPort?: number;
  /** Port inside the container, 1 to 65535. */
  readonly containerPort: number;
  /** `TCP` (default), `UDP` or `SCTP`. */
  readonly protocol?: 'TCP' | 'UDP' | 'SCTP';
  /** Address of the machine on which `hostPort` is published; all of them when absent. */
  readonly hostIP?: string;
}

/** What a change of one resource does to a running container. */
export interface ContainerResizePolicy {
  /** The resource: `cpu` or `memory`. */
  readonly resourceName: string;
  /** `NotRequired` or `RestartContainer`. */
  readonly restartPolicy: string;
}

/** What it does now. */
export interface ContainerState {
  /** Not running yet: an image is pulled, or a restart waits. */
  readonly waiting?: ContainerStateWaiting;
  /** It runs. */
  readonly running?: ContainerStateRunning;
  /** It ran and ended. */
  readonly terminated?: ContainerStateTerminated;
}

/** It runs. */
export interface ContainerStateRunning {
  /** When it was started. */
  readonly startedAt?: string;
}

/** It ran and ended. */
export interface ContainerStateTerminated {
  /** The exit code; 128 plus the signal when a signal ended it. */
  readonly exitCode: number;
  /** The signal that ended it, if one did. */
  readonly signal?: number;
  /** One word on why: `Completed`, `Error`, `OOMKilled`. */
  readonly reason?: string;
  /** What it left in its `terminationMessagePath`, or what the runtime says. */
  readonly message?: string;
  /** When it was started. */
  readonly startedAt?: string;
  /** When it ended. */
  readonly finishedAt?: string;
  /** Runtime and id: `docker://4f1c…`. */
  readonly containerID?: string;
}

/** Not running yet: an image is pulled, or a restart waits. */
export interface ContainerStateWaiting {
  /** One word on why: `ContainerCreating`, `ImagePullBackOff`, `CrashLoopBackOff`. */
  readonly reason?: string;
  /** A sentence on why. */
  readonly message?: string;
}

/** What became of one container. */
export interface ContainerStatus {
  /** Name of the container. */
  readonly name: string;
  /** What it does now. */
  readonly state?: ContainerState;
  /** How it ended the time before, if it was started again. */
  readonly lastState?: ContainerState;
  /** Whether it counts as ready. */
  readonly ready: boolean;
  /** How many times it was started again. */
  readonly restartCount: number;
  /** The image it runs, as the runtime names it. */
  readonly image: string;
  /** The image's digest. */
  readonly imageID: string;
  /** Runtime and id: `docker://4f1c…`. */
  readonly containerID?: string;
  /** Whether it is past its start (and its startup probe). */
  readonly started?: boolean;
  /** Requests that the node has granted. */
  readonly allocatedResources?: Readonly<Record<string, number | string>>;
  /** Requests and limits in force. */
  readonly resources?: ResourceRequirements;
  /** How its volumes were really mounted. */
  readonly volumeMounts?: readonly VolumeMountStatus[];
  /** The user its first process was started as. */
  readonly user?: ContainerUser;
  /** Health of the devices it was given. */
  readonly allocatedResourcesStatus?: readonly ResourceStatus[];
}

/** The user its first process was started as. */
export interface ContainerUser {
  /** User and groups on Linux. */
  readonly linux?: LinuxContainerUser;
}

/**
 * One past or present state of what a controller makes pods from, so that it can be rolled out again. A Workload keeps one for each template it has rolled out. Its data never changes.
 */
export interface ControllerRevision {
  readonly apiVersion: 'apps/v1';
  readonly kind: 'ControllerRevision';
  readonly metadata: ObjectMeta;
  /** The state; of a Workload `spec.template` and `spec.runtime`. Cannot be changed. */
  readonly data?: Readonly<Record<string, unknown>>;
  /**
   * Its number in the history: the highest is the newest. One that is rolled out again gets a higher number.
   */
  readonly revision: number;
}

/** A column of `kubectl get`. */
export interface CustomResourceColumnDefinition {
  /** What it shows. */
  readonly description?: string;
  /** Format of the value, as in OpenAPI. */
  readonly format?: string;
  /** Where the value stands: `.spec.replicas`. */
  readonly jsonPath: string;
  /** Its heading. */
  readonly name: string;
  /** 0 (default) is always shown; more only with `-o wide`. */
  readonly priority?: number;
  /** `integer`, `number`, `string`, `boolean` or `date`. */
  readonly type: string;
}

/** How objects are changed from one version to another. */
export interface CustomResourceConversion {
  /** `None` (default) changes only `apiVersion`; `Webhook` asks a service. */
  readonly strategy: 'None' | 'Webhook';
  /** The service to ask. */
  readonly webhook?: WebhookConversion;
}

/** Adds a kind to the API. Its name must be `<plural>.<group>`. */
export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: ObjectMeta;
  /** The kind. */
  readonly spec: CustomResourceDefinitionSpec;
  /** Whether it is served. */
  readonly status?: CustomResourceDefinitionStatus;
}

/** One thing that can be said about a definition. */
export interface CustomResourceDefinitionCondition {
  /** When `status` last changed. */
  readonly lastTransitionTime?: string;
  /** A sentence on why. */
  readonly message?: string;
  /** One word on why. */
  readonly reason?: string;
  /** Whether it holds: `True`, `False` or `Unknown`. */
  readonly status: 'True' | 'False' | 'Unknown';
  /** What is said: `Established`. */
  readonly type: string;
}

/** Its names. */
export interface CustomResourceDefinitionNames {
  /** Groups of kinds it belongs to: `all`, for `kubectl get all`. */
  readonly categories?: readonly string[];
  /** The kind, in CamelCase: `Widget`. */
  readonly kind: string;
  /** Kind of a list; the kind with `List` when absent. */
  readonly listKind?: string;
  /** Lower-case plural, as in the path: `widgets`. */
  readonly plural: string;
  /** Short names for kubectl: `wd`. */
  readonly shortNames?: readonly string[];
  /** Lower-case singular; the kind in lower case when absent. */
  readonly singular?: string;
}

/** The kind. */
export interface CustomResourceDefinitionSpec {
  /** How objects are changed from one version to another. */
  readonly conversion?: CustomResourceConversion;
  /** Its group: `example.com`. */
  readonly group: string;
  /** Its names. */
  readonly names: CustomResourceDefinitionNames;
  /** Old field; must be false or absent. */
  readonly preserveUnknownFields?: boolean;
  /** `Namespaced` or `Cluster`. */
  readonly scope: 'Cluster' | 'Namespaced';
  /** Its versions; exactly one is stored. */
  readonly versions: readonly CustomResourceDefinitionVersion[];
}

/** Whether it is served. */
export interface CustomResourceDefinitionStatus {
  /** The names in force. */
  readonly acceptedNames?: CustomResourceDefinitionNames;
  /** `NamesAccepted`, `Established`, and what is wrong with the schema. */
  readonly conditions?: readonly CustomResourceDefinitionCondition[] | null;
  /** Versions in which objects may still be stored. */
  readonly storedVersions?: readonly string[];
}

/** One version of the kind. */
export interface CustomResourceDefinitionVersion {
  /** Columns of `kubectl get` after the name; the age when absent. */
  readonly additionalPrinterColumns?: readonly CustomResourceColumnDefinition[];
  /** True warns everybody who uses it. */
  readonly deprecated?: boolean;
  /** The warning; a standard one when absent. */
  readonly deprecationWarning?: string;
  /** Its name: `v1`, `v2beta1`. */
  readonly name: string;
  /** What objects look like. */
  readonly schema: CustomResourceValidation;
  /** Fields that `--field-selector` can use. */
  readonly selectableFields?: readonly SelectableField[];
  /** Whether requests may use it. */
  readonly served: boolean;
  /** Whether objects are stored in it; true for exactly one. */
  readonly storage: boolean;
  /** Whether there are `status` and `scale`. */
  readonly subresources?: CustomResourceSubresources;
}

/** With it, `/scale` and `kubectl scale` work. */
export interface CustomResourceSubresourceScale {
  /** Selector of the replicas, as text: `.status.selector`. */
  readonly labelSelectorPath?: string;
  /** Replicas asked for: `.spec.replicas`. */
  readonly specReplicasPath: string;
  /** Replicas there are: `.status.replicas`. */
  readonly statusReplicasPath: string;
}

/** Whether there are `status` and `scale`. */
export interface CustomResourceSubresources {
  /** With it, `/scale` and `kubectl scale` work. */
  readonly scale?: CustomResourceSubresourceScale;
  /** With it, `/status` changes only `status`, and everything else never does. */
  readonly status?: Readonly<Record<string, never>>;
}

/** What objects look like. */
export interface CustomResourceValidation {
  /** A structural OpenAPI v3 schema: every level has a `type`; unknown fields are dropped. */
  readonly openAPIV3Schema: Schema;
}

/** The port for logs, exec and the like. */
export interface DaemonEndpoint {
  /** Its number. */
  readonly Port: number;
}

/** How an object is to be deleted. */
export interface DeleteOptions {
  readonly apiVersion?: string;
  readonly kind?: 'DeleteOptions';
  /**
   * Seconds the object gets to end by itself; the kind's own when absent, 0 deletes at once, a negative number is taken for 1.
   */
  readonly gracePeriodSeconds?: number;
  /** Delete only if the object is still this one. */
  readonly preconditions?: Preconditions;
  /** Old form of `propagationPolicy`: true is Orphan. */
  readonly orphanDependents?: boolean;
  /**
   * What becomes of objects it owns: `Background` deletes them afterwards, `Foreground` before it, `Orphan` leaves them.
   */
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  /** `All` goes through every step and deletes nothing. */
  readonly dryRun?: readonly string[];
  /**
   * True deletes an object that can no longer be read, with everything that can go wrong then. Berth refuses it.
   */
  readonly ignoreStoreReadErrorWithClusterBreakingPotential?: boolean;
}

/** One object of the same namespace. */
export interface Dependency {
  /** Group and version of `kind`; needed only for kinds that Berth does not have itself. */
  readonly apiVersion?: string;
  /** Its kind; default Workload. */
  readonly kind?: string;
  /** Its name. */
  readonly name: string;
  /**
   * `Exists`: it is there. `Ready`: it says that it is ready or available. `Completed`: it has ended well, like a Job. Default Ready, and Exists for a ConfigMap, a Secret and a workload of type Cron.
   */
  readonly condition?: 'Exists' | 'Ready' | 'Completed';
}

/**
 * A dimension of a user's own. Instances ask for it by the annotation `dimension.berth.dev/<name>`, whose value goes to the program as it is (JSON, or text).
 */
export interface Dimension {
  readonly apiVersion: 'berth.dev/v1';
  readonly kind: 'Dimension';
  readonly metadata: ObjectMeta;
  /** Who answers for it; exactly one of `url` and `module`. */
  readonly spec: DimensionSpec;
}

/** Who answers for it; exactly one of `url` and `module`. */
export interface DimensionSpec {
  /**
   * The program's address; questions are POSTed to `<url>/v1/allocate`. Example: `http://127.0.0.1:9000`.
   */
  readonly url?: string;
  /**
   * Certificates to trust when asking over HTTPS, as PEM in base64; those of the server's machine when absent.
   */
  readonly caBundle?: string;
  /**
   * A JavaScript module that exports `allocate`: the name of a file in the directory `dimensions` of each server's data directory. Example: `licences.mjs`.
   */
  readonly module?: string;
  /** How long an answer may take, 1 (default 2) to 30 seconds; a later one counts as a failure. */
  readonly timeoutSeconds?: number;
}

/** One measurement. */
export interface DiskMeasureRequest {
  /** Name of the disk, as `--disk` gave it. */
  readonly disk: string;
  /** When it was asked for; another time asks for another measurement. */
  readonly requestedAt: string;
  /** How long it may take, 2 to 120; default 10. */
  readonly seconds?: number;
  /**
   * True measures also while Volumes of that disk are in use, which are slow meanwhile. Default false.
   */
  readonly force?: boolean;
}

/** What it can do, by the last measurement that came to an end. */
export interface DiskMeasured {
  /** When it ended. */
  readonly time?: string;
  /** Random reads of 4 KiB a second, several at once, past the kernel's cache. */
  readonly readIOPS?: number;
  /** Random writes of 4 KiB a second, several at once, past the kernel's cache. */
  readonly writeIOPS?: number;
  /** Bytes a second, read in sequence. */
  readonly readBPS?: number | string;
  /** Bytes a second, written in sequence. */
  readonly writeBPS?: number | string;
}

/** The last one that was asked for. */
export interface DiskMeasurement {
  /** The request that it answers. */
  readonly requestedAt?: string;
  /** `Running`, `Done` or `Failed`. */
  readonly phase?: string;
  /** Why it failed, and what to do. */
  readonly message?: string;
}

/** What is set aside for it on its disk; disks that have less left are not chosen. */
export interface DiskRates {
  /** Reads in a second. */
  readonly readIOPS?: number;
  /** Writes in a second. */
  readonly writeIOPS?: number;
  /** Bytes read in a second, `100Mi`. */
  readonly readBPS?: number | string;
  /** Bytes written in a second, `100Mi`. */
  readonly writeBPS?: number | string;
}

/** Fields of the pod. */
export interface DownwardAPIProjection {
  /** The files. */
  readonly items?: readonly DownwardAPIVolumeFile[];
}

/** A file with a field of the pod. */
export interface DownwardAPIVolumeFile {
  /** Path of the file below the mount. */
  readonly path: string;
  /** A field of the pod. */
  readonly fieldRef?: ObjectFieldSelector;
  /** A request or limit of a container. */
  readonly resourceFieldRef?: ResourceFieldSelector;
  /** Permissions of the file as a number, 0 to 511. */
  readonly mode?: number;
}

/** Fields of the pod as files. */
export interface DownwardAPIVolumeSource {
  /** The files. */
  readonly items?: readonly DownwardAPIVolumeFile[];
  /** Permissions of the files as a number, 0 to 511; default 420, which is octal 0644. */
  readonly defaultMode?: number;
}

/** An empty directory that lives as long as the pod. */
export interface EmptyDirVolumeSource {
  /**
   * `Memory` keeps it in memory, which counts as its writers' own; empty (default) on the node's disk.
   */
  readonly medium?: string;
  /**
   * The most it may hold; a pod that puts more into it is evicted, or with `Memory` told that it is full. Unlimited when absent; with `Memory` half of the node's memory.
   */
  readonly sizeLimit?: number | string;
}

/** Every key of a ConfigMap or Secret as an environment variable. */
export interface EnvFromSource {
  /** Put before each key to make the variable's name. */
  readonly prefix?: string;
  /** The ConfigMap. */
  readonly configMapRef?: ConfigMapEnvSource;
  /** The Secret. */
  readonly secretRef?: SecretEnvSource;
}

/** One environment variable. */
export interface EnvVar {
  /** Its name. */
  readonly name: string;
  /** Its value; `$(OTHER)` stands for a variable named before it, `$$` for a dollar sign. */
  readonly value?: string;
  /** Where to take the value from, in place of `value`. */
  readonly valueFrom?: EnvVarSource;
}

/** Where to take the value from, in place of `value`. */
export interface EnvVarSource {
  /** A field of the pod: `metadata.name`, `status.podIP`. */
  readonly fieldRef?: ObjectFieldSelector;
  /** A request or limit of a container. */
  readonly resourceFieldRef?: ResourceFieldSelector;
  /** A key of a ConfigMap. */
  readonly configMapKeyRef?: ConfigMapKeySelector;
  /** A key of a Secret. */
  readonly secretKeyRef?: SecretKeySelector;
}

/**
 * A container added to a running pod to look into it. It is never restarted, and has no ports and no checks.
 */
export interface EphemeralContainer {
  /** Name of the container, unique in the pod; `kubectl logs -c` takes it. Cannot be changed. */
  readonly name: string;
  /**
   * The image: `nginx:1.29`, `registry.example/team/app@sha256:…`. With runtime systemd it may be absent (programs of the machine) or name a root directory.
   */
  readonly image?: string;
  /**
   * Replaces the image's entrypoint: program and first arguments, without a shell. `$(NAME)` stands for an environment variable, `$$` for a dollar sign.
   */
  readonly command?: readonly string[];
  /**
   * Replaces the image's arguments. `$(NAME)` stands for an environment variable, `$$` for a dollar sign.
   */
  readonly args?: readonly string[];
  /** Directory in which it starts; the image's own when absent. */
  readonly workingDir?: string;
  /**
   * Ports it listens on. They are reachable at the pod's address whether named here or not; `hostPort` publishes one on the machine.
   */
  readonly ports?: readonly ContainerPort[];
  /** Environment variables. A change takes effect when the container is started anew. */
  readonly env?: readonly EnvVar[];
  /** How much CPU and memory it needs, and how much it may use at most. */
  readonly resources?: ResourceRequirements;
  /** Volumes of the pod, and where they appear inside. */
  readonly volumeMounts?: readonly VolumeMount[];
  /** Check that restarts the container when it fails. */
  readonly livenessProbe?: Probe;
  /** Check that decides whether the container counts as ready. */
  readonly readinessProbe?: Probe;
  /** What to do right after the start and before the stop. */
  readonly lifecycle?: Lifecycle;
  /**
   * File inside the container whose text becomes the message of its end; default `/dev/termination-log`.
   */
  readonly terminationMessagePath?: string;
  /**
   * When the image is fetched: `Always`, `IfNotPresent` or `Never`. Default: `Always` for the tag `latest` or no tag, else `IfNotPresent`.
   */
  readonly imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  /** User, group and privileges; goes before the pod's. */
  readonly securityContext?: SecurityContext;
  /** True keeps standard input open, for `kubectl attach -i`; default false. */
  readonly stdin?: boolean;
  /** True closes standard input after the first client has left. */
  readonly stdinOnce?: boolean;
  /** True gives it a terminal; default false. */
  readonly tty?: boolean;
  /**
   * ConfigMaps and Secrets whose every key becomes an environment variable; a later one wins over an earlier one, and `env` over both.
   */
  readonly envFrom?: readonly EnvFromSource[];
  /**
   * `File` (default) reads only that file; `FallbackToLogsOnError` takes the end of the log when it is empty and the container failed.
   */
  readonly terminationMessagePolicy?: 'File' | 'FallbackToLogsOnError';
  /** Volumes of mode `Block` that appear inside as devices. */
  readonly volumeDevices?: readonly VolumeDevice[];
  /** Check that must succeed once before the other checks begin. */
  readonly startupProbe?: Probe;
  /** Whether a change of resources restarts the container. */
  readonly resizePolicy?: readonly ContainerResizePolicy[];
  /** On an init container, `Always` keeps it running beside the others. */
  readonly restartPolicy?: string;
  /** The container whose processes it shall see. */
  readonly targetContainerName?: string;
}

/** A claim that is made with the pod and goes with it. Kept, and not acted on yet. */
export interface EphemeralVolumeSource {
  /** What the claim is made of. */
  readonly volumeClaimTemplate?: PersistentVolumeClaimTemplate;
}

/** Something that happened to an object, told to people. Events are deleted after a while. */
export interface Event {
  readonly apiVersion: 'v1';
  readonly kind: 'Event';
  readonly metadata: ObjectMeta;
  /** The object it happened to. */
  readonly involvedObject?: ObjectReference;
  /** One word for programs: `Scheduled`, `Pulled`, `BackOff`. */
  readonly reason?: string;
  /** A sentence for people. */
  readonly message?: string;
  /** Who tells it. */
  readonly source?: EventSource;
  /** When it happened first. */
  readonly firstTimestamp?: string;
  /** When it happened last. */
  readonly lastTimestamp?: string;
  /** How many times it happened. */
  readonly count?: number;
  /** `Normal` or `Warning`. */
  readonly type?: string;
  /** When it happened first, to the microsecond. */
  readonly eventTime?: string;
  /** How often and until when it went on happening. */
  readonly series?: EventSeries;
  /** What was done or failed: `Binding`. */
  readonly action?: string;
  /** A second object that has to do with it. */
  readonly related?: ObjectReference;
  /** Who tells it: `berth.dev/scheduler`. */
  readonly reportingComponent?: string;
  /** Which copy of it tells it. */
  readonly reportingInstance?: string;
}

/** How often and until when it went on happening. */
export interface EventSeries {
  /** How many times it happened. */
  readonly count?: number;
  /** When it happened last. */
  readonly lastObservedTime?: string;
}

/** Who tells it. */
export interface EventSource {
  /** Name of the program. */
  readonly component?: string;
  /** Name of the node it runs on. */
  readonly host?: string;
}

/** Asks for a pod to leave its node, as `kubectl drain` does. */
export interface Eviction {
  readonly apiVersion: 'policy/v1';
  readonly kind: 'Eviction';
  readonly metadata?: ObjectMeta;
  /** How the pod is to be deleted. */
  readonly deleteOptions?: DeleteOptions;
}

/** Runs a command inside the container; exit code 0 is success. */
export interface ExecAction {
  /** Program and arguments, without a shell. */
  readonly command?: readonly string[];
}

/** One expression, and what is wrong with it. */
export interface ExpressionWarning {
  /** Where it stands: `spec.validations[0].expression`. */
  readonly fieldRef: string;
  /** What is wrong with it. */
  readonly warning: string;
}

/** A disk over Fibre Channel. Kept, and not acted on yet. */
export interface FCVolumeSource {
  /** World wide names of the target. */
  readonly targetWWNs?: readonly string[];
  /** Logical unit number. */
  readonly lun?: number;
  /** File system of the volume: `ext4`. */
  readonly fsType?: string;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
  /** World wide ids of the disk, in place of target and number. */
  readonly wwids?: readonly string[];
}

/** The field selector of a list or watch. */
export interface FieldSelectorAttributes {
  /** The selector as text, as it stands in a query. */
  readonly rawSelector?: string;
  /** The selector taken apart; all must hold. */
  readonly requirements?: readonly FieldSelectorRequirement[];
}

/** One condition on a field. */
export interface FieldSelectorRequirement {
  /** The field. */
  readonly key: string;
  /** `In`, `NotIn`, `Exists` or `DoesNotExist`. */
  readonly operator: string;
  /** Values to compare with. */
  readonly values?: readonly string[];
}

/** A volume of an old-style driver program. Kept, and not acted on yet. */
export interface FlexVolumeSource {
  /** Name of the driver. */
  readonly driver: string;
  /** File system of the volume: `ext4`. */
  readonly fsType?: string;
  /** Secret with the credentials. */
  readonly secretRef?: LocalObjectReference;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
  /** Settings for the driver. */
  readonly options?: Readonly<Record<string, string>>;
}

/** A Flocker dataset. Kept, and not acted on yet. */
export interface FlockerVolumeSource {
  /** Name of the dataset. */
  readonly datasetName?: string;
  /** Id of the dataset. */
  readonly datasetUUID?: string;
}

/** A disk of Google Compute Engine. Kept, and not acted on yet. */
export interface GCEPersistentDiskVolumeSource {
  /** Name of the disk. */
  readonly pdName: string;
  /** File system of the volume: `ext4`. */
  readonly fsType?: string;
  /** Number of the partition; 0 for the whole disk. */
  readonly partition?: number;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
}

/** Asks the gRPC health service. */
export interface GRPCAction {
  /** Port of the service. */
  readonly port: number;
  /** Name put in the request; default empty. */
  readonly service?: string;
}

/** A clone of a git repository. Kept, and not acted on yet. */
export interface GitRepoVolumeSource {
  /** Address of the repository. */
  readonly repository: string;
  /** Commit to check out. */
  readonly revision?: string;
  /** Directory of the volume to clone into. */
  readonly directory?: string;
}

/** A Glusterfs volume. Kept, and not acted on yet. */
export interface GlusterfsVolumeSource {
  /** Name of the Endpoints with the servers. */
  readonly endpoints: string;
  /** Name of the volume. */
  readonly path: string;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
}

/** Makes an HTTP request; a status from 200 to 399 is success. */
export interface HTTPGetAction {
  /** Path to ask for; default `/`. */
  readonly path?: string;
  /** Port, as a number or the name of a container port. */
  readonly port: number | string;
  /** Host to connect to; the pod's address when absent. */
  readonly host?: string;
  /** `HTTP` (default) or `HTTPS`, whose certificate is not verified. */
  readonly scheme?: 'HTTP' | 'HTTPS';
  /** Headers to send. */
  readonly httpHeaders?: readonly HTTPHeader[];
}

/** A header. */
export interface HTTPHeader {
  /** Its name. */
  readonly name: string;
  /** Its value. */
  readonly value: string;
}

/** An address and the names it has. */
export interface HostAlias {
  /** The address. */
  readonly ip: string;
  /** Names for it. */
  readonly hostnames?: readonly string[];
}

/** An address of the node. */
export interface HostIP {
  /** The address. */
  readonly ip: string;
}

/** A directory or file of the machine. */
export interface HostPathVolumeSource {
  /** Its path on the machine. */
  readonly path: string;
  /**
   * What must be there: `Directory`, `File`, `Socket`, `CharDevice`, `BlockDevice`; `DirectoryOrCreate` and `FileOrCreate` make it. Empty (default) does not look.
   */
  type?:
    | ''
    | 'DirectoryOrCreate'
    | 'Directory'
    | 'FileOrCreate'
    | 'File'
    | 'Socket'
    | 'CharDevice'
    | 'BlockDevice';
}

/**
 * The claim of a reservation on one address; made by Berth, and named by pool and address (`lan.10-20-0-7`), so that there cannot be two.
 */
export interface IPAddress {
  readonly apiVersion: 'berth.dev/v1';
  readonly kind: 'IPAddress';
  readonly metadata: ObjectMeta;
  /** Which address, and whose. Cannot be changed. */
  readonly spec: IPAddressSpec;
}

/** The IPReservation that has it. */
export interface IPAddressReservation {
  /** Its namespace. */
  readonly namespace: string;
  /** Its name. */
  readonly name: string;
  /** Tells it apart from an earlier one of the same name. */
  readonly uid: string;
}

/** Which address, and whose. Cannot be changed. */
export interface IPAddressSpec {
  /** The IPPool that it is of. */
  readonly pool: string;
  /** The address, as `10.20.0.7`. */
  readonly address: string;
  /** The IPReservation that has it. */
  readonly reservation: IPAddressReservation;
}

/**
 * Addresses of one flat segment that instances can have for themselves, as long as an IPReservation keeps them.
 */
export interface IPPool {
  readonly apiVersion: 'berth.dev/v1';
  readonly kind: 'IPPool';
  readonly metadata: ObjectMeta;
  /** Which addresses, and how nodes reach them. */
  readonly spec: IPPoolSpec;
  /** How far it is used. */
  readonly status?: IPPoolStatus;
}

/** Which addresses, and how nodes reach them. */
export interface IPPoolSpec {
  /**
   * The segment, as `10.20.0.0/24`: IPv4, from /8 to /32. Cannot be changed later. Its first and its last address are never given out, except in /31 and /32.
   */
  readonly cidr: string;
  /**
   * The addresses of it that are given out; default all. May be changed: addresses that reservations have are kept, also where no range holds them any more.
   */
  readonly ranges?: readonly IPRange[];
  /**
   * Addresses that are never given out, each one address or a range of them (`10.20.0.7`, `10.20.0.8/29`). `gateway` is left out by itself.
   */
  readonly exclude?: readonly string[];
  /**
   * Where instances find the rest of the world, an address of the segment. Absent: they reach the segment and nothing else.
   */
  readonly gateway?: string;
  /** Servers of names that instances ask, before those of their node. */
  readonly dns?: readonly string[];
  /**
   * The bridge of each node that instances are attached to; made when it is not there. Default `berth0`. Cannot be changed later.
   */
  readonly bridge?: string;
  /**
   * An interface of each node that is put into the bridge and joins the nodes' bridges to one segment. Absent: each node's bridge stands alone, or is joined by somebody else.
   */
  readonly uplink?: string;
  /** Labels of the nodes that reach the segment; default every node. */
  readonly nodeSelector?: Readonly<Record<string, string>>;
}

/** How far it is used. */
export interface IPPoolStatus {
  /** The generation that this was written for. */
  readonly observedGeneration?: number;
  /** How many addresses it has to give. */
  readonly capacity?: number;
  /** How many addresses reservations have. */
  readonly allocated?: number;
  /** How many can still be given out. */
  readonly free?: number;
  /**
   * `Ready`: whether it gives out addresses. `OutsideRanges`: whether reservations have addresses that no range holds any more.
   */
  readonly conditions?: readonly Condition[];
}

/** From one address to another, both included. */
export interface IPRange {
  /** The first address, as `10.20.0.100`. */
  readonly first: string;
  /** The last address, as `10.20.0.199`. */
  readonly last: string;
}

/**
 * An address of a pool that is kept for whoever holds it: it outlives stop, restart, deletion and change of its holder.
 */
export interface IPReservation {
  readonly apiVersion: 'berth.dev/v1';
  readonly kind: 'IPReservation';
  readonly metadata: ObjectMeta;
  /** What is wanted. */
  readonly spec: IPReservationSpec;
  /** What it has. */
  readonly status?: IPReservationStatus;
}

/**
 * The instance that has it, also while it is stopped; the others that name the reservation wait.
 */
export interface IPReservationHolder {
  /** Pod or VM. */
  readonly kind?: string;
  /** Its name in this namespace. */
  readonly name?: string;
  /** Tells it apart from an earlier one of the same name. */
  readonly uid?: string;
  /** Where it is; absent until it is bound. */
  readonly node?: string;
}

/** What is wanted. */
export interface IPReservationSpec {
  /** The IPPool that the address is of. Cannot be changed later. */
  readonly pool: string;
  /** The address that is wanted; default any that is free. Cannot be changed later. */
  readonly address?: string;
  /**
   * `Retain` (default): the address is kept until the reservation is deleted. `WithHolder`: the reservation is deleted when its holder is, and nobody else names it.
   */
  readonly releasePolicy?: 'Retain' | 'WithHolder';
}

/** What it has. */
export interface IPReservationStatus {
  /** The generation that this was written for. */
  readonly observedGeneration?: number;
  /** The address; absent until there is one. */
  readonly address?: string;
  /** The MAC address that goes with it. */
  readonly mac?: string;
  /**
   * The instance that has it, also while it is stopped; the others that name the reservation wait.
   */
  readonly holder?: IPReservationHolder;
  /** `Ready`: whether it has an address, and if not, why. */
  readonly conditions?: readonly Condition[];
}

/** A disk over iSCSI. Kept, and not acted on yet. */
export interface ISCSIVolumeSource {
  /** Address of the target, with port unless it is 3260. */
  readonly targetPortal: string;
  /** Name of the target. */
  readonly iqn: string;
  /** Logical unit number. */
  readonly lun: number;
  /** Interface of the initiator; default `default`. */
  readonly iscsiInterface?: string;
  /** File system of the volume: `ext4`. */
  readonly fsType?: string;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
  /** Further addresses of the target. */
  readonly portals?: readonly string[];
  /** Whether discovery uses CHAP. */
  readonly chapAuthDiscovery?: boolean;
  /** Secret with the credentials. */
  readonly secretRef?: LocalObjectReference;
  /** Whether the session uses CHAP. */
  readonly chapAuthSession?: boolean;
  /** Name of the initiator. */
  readonly initiatorName?: string;
}

/** The files of an image. Kept, and not acted on yet. */
export interface ImageVolumeSource {
  /** The image. */
  readonly reference?: string;
  /** When it is fetched: `Always`, `IfNotPresent` or `Never`. */
  readonly pullPolicy?: string;
}

/** A key, and the file it becomes. */
export interface KeyToPath {
  /** The key. */
  readonly key: string;
  /** Path of the file below the mount; not absolute, without `..`. */
  readonly path: string;
  /** Permissions of the file as a number, 0 to 511; the volume's `defaultMode` when absent. */
  readonly mode?: number;
}

/**
 * Only objects in namespaces with these labels; default all. What has no namespace always fits.
 */
export interface LabelSelector {
  /** Labels that must be there with exactly these values: `{app: web}`. */
  readonly matchLabels?: Readonly<Record<string, string>>;
  /** Conditions on labels, all of which must hold. */
  readonly matchExpressions?: readonly LabelSelectorRequirement[];
}

/** The label selector of a list or watch. */
export interface LabelSelectorAttributes {
  /** The selector as text, as it stands in a query. */
  readonly rawSelector?: string;
  /** The selector taken apart; all must hold. */
  readonly requirements?: readonly LabelSelectorRequirement[];
}

/** One condition on one label. */
export interface LabelSelectorRequirement {
  /** Key of the label. */
  readonly key: string;
  /** `In` and `NotIn` compare with `values`; `Exists` and `DoesNotExist` ask only for the key. */
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /** Values for `In` and `NotIn`; must be empty for the others. */
  readonly values?: readonly string[];
}

/** Who holds a role right now; also the heartbeat of nodes. */
export interface Lease {
  readonly apiVersion: 'coordination.k8s.io/v1';
  readonly kind: 'Lease';
  readonly metadata: ObjectMeta;
  /** Who holds it, and until when. */
  readonly spec: LeaseSpec;
}

/** Who holds it, and until when. */
export interface LeaseSpec {
  /** Who holds it; empty when nobody does. */
  readonly holderIdentity?: string;
  /** Seconds after `renewTime` when others may take it. */
  readonly leaseDurationSeconds?: number;
  /** When the holder took it. */
  readonly acquireTime?: string;
  /** When the holder last renewed it. */
  readonly renewTime?: string;
  /** How many times it passed to another holder. */
  readonly leaseTransitions?: number;
  /** How a coordinator chooses the next holder. */
  readonly strategy?: string;
  /** Who should take it from the present holder. */
  readonly preferredHolder?: string;
}

/** What to do right after the start and before the stop. */
export interface Lifecycle {
  /** Done right after the container has started; if it fails, the container is stopped. */
  readonly postStart?: LifecycleHandler;
  /** Done before SIGTERM is sent; its time counts against the grace period. */
  readonly preStop?: LifecycleHandler;
}

/** Done right after the container has started; if it fails, the container is stopped. */
export interface LifecycleHandler {
  /** Runs a command inside the container. */
  readonly exec?: ExecAction;
  /** Makes an HTTP request. */
  readonly httpGet?: HTTPGetAction;
  /** Opens a TCP connection; an old field, seldom of use here. */
  readonly tcpSocket?: TCPSocketAction;
  /** Waits. */
  readonly sleep?: SleepAction;
}

/**
 * What one container or pod of a namespace may ask for, and what it gets when it does not say. Judged when pods are created; those that are there stay as they are.
 */
export interface LimitRange {
  readonly apiVersion: 'v1';
  readonly kind: 'LimitRange';
  readonly metadata: ObjectMeta;
  /** The limits, one entry for each type of thing. */
  readonly spec: LimitRangeSpec;
}

/** What is allowed of one type of thing. */
export interface LimitRangeItem {
  /**
   * What is limited: `Container` (each container), `Pod` (the sum over its containers) or `PersistentVolumeClaim`.
   */
  readonly type: string;
  /** No limit or request may be more, by resource. A limit must be set then. `cpu: "2"`. */
  readonly max?: Readonly<Record<string, number | string>>;
  /** No request or limit may be less, by resource. A request must be set then. `cpu: 50m`. */
  readonly min?: Readonly<Record<string, number | string>>;
  /**
   * The limit of containers that have none, by resource. The same as `max` when absent. Only with type `Container`.
   */
  readonly default?: Readonly<Record<string, number | string>>;
  /**
   * The request of containers that have neither it nor a limit, by resource. The same as `default`, else `min`, when absent. Only with type `Container`.
   */
  readonly defaultRequest?: Readonly<Record<string, number | string>>;
  /** How many times its request a limit may be, by resource; both must be set then. `cpu: "4"`. */
  readonly maxLimitRequestRatio?: Readonly<Record<string, number | string>>;
}

/** The limits, one entry for each type of thing. */
export interface LimitRangeSpec {
  /** The limits, one entry for each type of thing. */
  readonly limits: readonly LimitRangeItem[];
}

/** User and groups on Linux. */
export interface LinuxContainerUser {
  /** User id of the first process. */
  readonly uid: number;
  /** Group id of the first process. */
  readonly gid: number;
  /** Further group ids. */
  readonly supplementalGroups?: readonly number[];
}

/** What every list has. */
export interface ListMeta {
  /** Old field of Kubernetes that servers no longer fill. */
  readonly selfLink?: string;
  /** The state of the whole store that the list shows; a watch can go on from here. */
  readonly resourceVersion?: string;
  /** When set, there is more: ask again with `?continue=` and this text for the next page. */
  readonly continue?: string;
  /** How many items follow after this page; absent when it is not known. */
  readonly remainingItemCount?: number;
}

/** Secret with the credentials. */
export interface LocalObjectReference {
  /** Name of the object. */
  readonly name?: string;
}

/** Asks whether somebody may do something in one namespace. */
export interface LocalSubjectAccessReview {
  readonly apiVersion: 'authorization.k8s.io/v1';
  readonly kind: 'LocalSubjectAccessReview';
  readonly metadata?: ObjectMeta;
  /** Who is to do what; the namespace must be that of the request. */
  readonly spec: SubjectAccessReviewSpec;
  /** The answer. */
  readonly status?: SubjectAccessReviewStatus;
}

/** One more thing that must hold. */
export interface MatchCondition {
  /** A name for messages and metrics, unique in the list. */
  readonly name?: string;
  /**
   * An expression in CEL that is true or false. It sees `object`, `oldObject` and `request`: `request.userInfo.username != 'system:apiserver'`.
   */
  readonly expression?: string;
}

/** Which requests are judged. */
export interface MatchResources {
  /**
   * Only objects in namespaces with these labels; default all. What has no namespace always fits.
   */
  readonly namespaceSelector?: LabelSelector;
  /** Only objects that have these labels, before or after the change; default all. */
  readonly objectSelector?: LabelSelector;
  /** Operations on resources; a request that fits one is judged. */
  readonly resourceRules?: readonly NamedRuleWithOperations[];
  /** A request that fits one of these is not judged, whatever else it fits. */
  readonly excludeResourceRules?: readonly NamedRuleWithOperations[];
  /**
   * `Equivalent` (default): a rule for one version of a kind also catches requests to its others. `Exact`: only what the rule says.
   */
  readonly matchPolicy?: string;
}

/** One server, and what it is asked about. */
export interface MutatingWebhook {
  /** A full name, unique in this list, with at least three parts: `images.policy.example.com`. */
  readonly name?: string;
  /** How the webhook is reached. Exactly one of `url` and `service`. */
  readonly clientConfig?: WebhookClientConfig;
  /** What it is asked about; a request that fits one rule is enough. */
  readonly rules?: readonly RuleWithOperations[];
  /**
   * What happens to a request when the webhook cannot be asked or answers badly: `Fail` (default) refuses it, `Ignore` goes on without it.
   */
  readonly failurePolicy?: string;
  /**
   * `Equivalent` (default): a rule for one version of a kind also catches requests to its others, and the webhook gets the object in the version it asked for. `Exact`: only what the rule says.
   */
  readonly matchPolicy?: string;
  /**
   * Only objects in namespaces with these labels; default all. What has no namespace always fits.
   */
  readonly namespaceSelector?: LabelSelector;
  /**
   * Only objects that have these labels, before or after the change; default all. Whoever may write an object may leave a label out.
   */
  readonly objectSelector?: LabelSelector;
  /**
   * Required. `None`: calling it changes nothing but the answer. `NoneOnDryRun`: that holds for requests with `dryRun`.
   */
  readonly sideEffects?: string;
  /** How long it may take, in seconds, 1 to 30; default 10. */
  readonly timeoutSeconds?: number;
  /**
   * Required. Versions of AdmissionReview it understands, best first. Berth speaks `v1` and `v1beta1`.
   */
  readonly admissionReviewVersions?: readonly string[];
  /** Expressions that must all be true for it to be called; at most 64. */
  readonly matchConditions?: readonly MatchCondition[];
  /**
   * `IfNeeded`: it is called once more when something after it changed the object. `Never` (default).
   */
  readonly reinvocationPolicy?: string;
}

/**
 * HTTPS servers that are asked about writes and may change the objects, before they are checked and stored. Called one after the other, in the order of the names of their configurations.
 */
export interface MutatingWebhookConfiguration {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: 'MutatingWebhookConfiguration';
  readonly metadata: ObjectMeta;
  /** The webhooks, and what each is asked about. */
  readonly webhooks?: readonly MutatingWebhook[];
}

/** A directory of an NFS server. Kept, and not acted on yet. */
export interface NFSVolumeSource {
  /** Name or address of the server. */
  readonly server: string;
  /** Directory that the server exports. */
  readonly path: string;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
}

/** Where an instance, a reservation or a workload is reached, by its name. */
export interface Name {
  readonly apiVersion: 'berth.dev/v1';
  readonly kind: 'Name';
  readonly metadata?: ObjectMeta;
  /**
   * Of the Pod, VM or IPReservation of that name, in this order, or of the instances of the Workload of that name that are ready; empty while there are none.
   */
  readonly addresses?: readonly string[];
}

/** Operations on resources, or on some of them by name. */
export interface NamedRuleWithOperations {
  /** Only objects of these names; default all. */
  readonly resourceNames?: readonly string[];
  /** Of `CREATE`, `UPDATE`, `DELETE`, `CONNECT`; or `*` alone. */
  readonly operations?: readonly string[];
  /** API groups; the core group is the empty text; or `*` alone. */
  readonly apiGroups?: readonly string[];
  /** Versions: `v1`; or `*` alone. */
  readonly apiVersions?: readonly string[];
  /** Plurals, with the subresource where one is meant: `pods`, `pods/status`, `pods/*`, `*`. */
  readonly resources?: readonly string[];
  /** `Cluster`, `Namespaced`, or `*` (default) for both. */
  readonly scope?: string;
}

/** A room for names. Deleting it deletes everything in it. */
export interface Namespace {
  readonly apiVersion: 'v1';
  readonly kind: 'Namespace';
  readonly metadata: ObjectMeta;
  /** What the namespace should be. */
  readonly spec: NamespaceSpec;
  /** What was seen last. */
  readonly status?: NamespaceStatus;
}

/** One thing that can be said about a namespace. */
export interface NamespaceCondition {
  /** What is said: `NamespaceContentRemaining`. */
  readonly type: string;
  /** Whether it holds: `True`, `False` or `Unknown`. */
  readonly status: 'True' | 'False' | 'Unknown';
  /** When `status` last changed. */
  readonly lastTransitionTime?: string;
  /** One word on why. */
  readonly reason?: string;
  /** A sentence on why. */
  readonly message?: string;
}

/** What the namespace should be. */
export interface NamespaceSpec {
  /** Those who must let go before the namespace disappears; `kubernetes` is the server's own. */
  readonly finalizers?: readonly string[];
}

/** What was seen last. */
export interface NamespaceStatus {
  /** `Active`, or `Terminating` while its content is deleted. */
  readonly phase?: 'Active' | 'Terminating';
  /** What holds up the deletion, if anything does. */
  readonly conditions?: readonly NamespaceCondition[];
}

/** A machine on which instances run. */
export interface Node {
  readonly apiVersion: 'v1';
  readonly kind: 'Node';
  readonly metadata: ObjectMeta;
  /** What the node should be. */
  readonly spec: NodeSpec;
  /** What its agent reports. */
  readonly status?: NodeStatus;
}

/** A name or address. */
export interface NodeAddress {
  /** `Hostname`, `InternalIP`, `ExternalIP`, `InternalDNS` or `ExternalDNS`. */
  readonly type: string;
  /** The name or address. */
  readonly address: string;
}

/** Rules about nodes. */
export interface NodeAffinity {
  /** Nodes the pod must be placed on; without such a node it waits. */
  readonly requiredDuringSchedulingIgnoredDuringExecution?: NodeSelector;
  /** Nodes it would rather be placed on; the weights of all that match are added up. */
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly PreferredSchedulingTerm[];
}

/** One thing that can be said about a node. */
export interface NodeCondition {
  /** What is said: `Ready`. */
  readonly type: string;
  /** Whether it holds; `Unknown` when the agent is silent. */
  readonly status: 'True' | 'False' | 'Unknown';
  /** When the agent last said so. */
  readonly lastHeartbeatTime?: string;
  /** When `status` last changed. */
  readonly lastTransitionTime?: string;
  /** One word on why. */
  readonly reason?: string;
  /** A sentence on why. */
  readonly message?: string;
}

/** Where a node's agent should take its configuration from. */
export interface NodeConfigSource {
  /** A ConfigMap. */
  readonly configMap?: ConfigMapNodeConfigSource;
}

/** Which configuration the agent uses. */
export interface NodeConfigStatus {
  /** The one it will use. */
  readonly assigned?: NodeConfigSource;
  /** The one it uses. */
  readonly active?: NodeConfigSource;
  /** The one it falls back to. */
  readonly lastKnownGood?: NodeConfigSource;
  /** What is wrong with the one it should use. */
  readonly error?: string;
}

/** Where its agent listens. */
export interface NodeDaemonEndpoints {
  /** The port for logs, exec and the like. */
  readonly kubeletEndpoint?: DaemonEndpoint;
}

/** What its agent can do. */
export interface NodeFeatures {
  /** Whether it heeds `supplementalGroupsPolicy`. */
  readonly supplementalGroupsPolicy?: boolean;
}

/** What a whole machine uses now, with all that is not Berth's. */
export interface NodeMetrics {
  readonly apiVersion: 'metrics.k8s.io/v1beta1';
  readonly kind: 'NodeMetrics';
  readonly metadata?: ObjectMeta;
  /** When the window ended. */
  readonly timestamp?: string;
  /** Over how long CPU was measured, such as `15s`. */
  readonly window?: string;
  /** Cores in use over the window (`cpu`), and the working set in bytes (`memory`). */
  readonly usage?: Readonly<Record<string, string>>;
}

/** A runtime of the node. */
export interface NodeRuntimeHandler {
  /** Its name; empty for the default one. */
  readonly name?: string;
  /** What it can do. */
  readonly features?: NodeRuntimeHandlerFeatures;
}

/** What it can do. */
export interface NodeRuntimeHandlerFeatures {
  /** Whether it can make mounts below a mount read-only. */
  readonly recursiveReadOnlyMounts?: boolean;
  /** Whether it can run pods in user namespaces. */
  readonly userNamespaces?: boolean;
}

/** Nodes the pod must be placed on; without such a node it waits. */
export interface NodeSelector {
  /** The terms, one of which must hold. */
  readonly nodeSelectorTerms: readonly NodeSelectorTerm[];
}

/** One condition on a node. */
export interface NodeSelectorRequirement {
  /** Key of the label, or name of the field. */
  readonly key: string;
  /** `In`, `NotIn`, `Exists`, `DoesNotExist`; `Gt` and `Lt` compare whole numbers. */
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
  /** Values to compare with; one for `Gt` and `Lt`, none for `Exists` and `DoesNotExist`. */
  readonly values?: readonly string[];
}

/** Conditions on a node, all of which must hold. */
export interface NodeSelectorTerm {
  /** Conditions on its labels. */
  readonly matchExpressions?: readonly NodeSelectorRequirement[];
  /** Conditions on its fields; only `metadata.name` can be used. */
  readonly matchFields?: readonly NodeSelectorRequirement[];
}

/** What the node should be. */
export interface NodeSpec {
  /** Addresses for its pods. */
  readonly podCIDR?: string;
  /** Old field that is no longer used. */
  readonly externalID?: string;
  /** Name the machine has with its provider: `provider://id`. */
  readonly providerID?: string;
  /** True takes no new instances (`kubectl cordon`); those that run go on. */
  readonly unschedulable?: boolean;
  /** Keep instances without a matching toleration away. */
  readonly taints?: readonly Taint[];
  /** Where the agent should take its configuration from. */
  readonly configSource?: NodeConfigSource;
  /** Addresses for its pods, of each family. */
  readonly podCIDRs?: readonly string[];
}

/** What its agent reports. */
export interface NodeStatus {
  /** What the machine has: `cpu`, `memory`, `pods`, `ephemeral-storage` and further dimensions. */
  readonly capacity?: Readonly<Record<string, number | string>>;
  /** What of it instances may use. */
  readonly allocatable?: Readonly<Record<string, number | string>>;
  /** Old field that is no longer used. */
  readonly phase?: string;
  /**
   * `Ready`, and what is wrong with the machine: `MemoryPressure`, `DiskPressure`, `PIDPressure`.
   */
  readonly conditions?: readonly NodeCondition[];
  /** Names and addresses of the machine. */
  readonly addresses?: readonly NodeAddress[];
  /** Where its agent listens. */
  readonly daemonEndpoints?: NodeDaemonEndpoints;
  /** Versions and ids of the machine. */
  readonly nodeInfo?: NodeSystemInfo;
  /** Images that are there. */
  readonly images?: readonly ContainerImage[];
  /** Attached volumes that are mounted. */
  readonly volumesInUse?: readonly string[];
  /** Volumes that are attached. */
  readonly volumesAttached?: readonly AttachedVolume[];
  /** Which configuration the agent uses. */
  readonly config?: NodeConfigStatus;
  /** Runtimes of the node. */
  readonly runtimeHandlers?: readonly NodeRuntimeHandler[];
  /** What its agent can do. */
  readonly features?: NodeFeatures;
}

/** Versions and ids of the machine. */
export interface NodeSystemInfo {
  /** Id of the installation, from `/etc/machine-id`. */
  readonly machineID: string;
  /** Id of the hardware, from its firmware. */
  readonly systemUUID: string;
  /** Id of this boot. */
  readonly bootID: string;
  /** Version of the kernel, as `uname -r` tells it. */
  readonly kernelVersion: string;
  /** Name of the distribution: `Debian GNU/Linux 12`. */
  readonly osImage: string;
  /** Runtime and version: `docker://20.10.24`. */
  readonly containerRuntimeVersion: string;
  /** Version of Berth's agent. */
  readonly kubeletVersion: string;
  /** Old field of Kubernetes; empty in Berth. */
  readonly kubeProxyVersion: string;
  /** `linux`. */
  readonly operatingSystem: string;
  /** `amd64`, `arm64`. */
  readonly architecture: string;
}

/**
 * What a machine is made of, as the agent of the Node of that name found it. The agent makes it and keeps it true; it goes with its Node. It is a view for people and tools: what the scheduler counts with are the Node's annotations, which the same agent writes from the same findings.
 */
export interface NodeTopology {
  readonly apiVersion: 'berth.dev/v1';
  readonly kind: 'NodeTopology';
  readonly metadata: ObjectMeta;
  /** What the agent is asked to find out. */
  readonly spec?: NodeTopologySpec;
  /** What was found. Written when it changes, not with every beat of the node. */
  readonly status?: NodeTopologyStatus;
}

/** What the agent is asked to find out. */
export interface NodeTopologySpec {
  /**
   * Disks that are to be measured, each once for each `requestedAt`. `berth node measure` writes it.
   */
  readonly measure?: readonly DiskMeasureRequest[];
}

/** What was found. Written when it changes, not with every beat of the node. */
export interface NodeTopologyStatus {
  /** The same in few words, for tables. */
  readonly summary?: NodeTopologySummary;
  /** Its processors, in order of their numbers. */
  readonly cores?: readonly TopologyCore[];
  /** Its memories; one on most machines. */
  readonly numaNodes?: readonly TopologyNumaNode[];
  /** Where Volumes can lie, as `--disk` named them. */
  readonly disks?: readonly TopologyDisk[];
  /** Its GPUs, by the numbers that `berth.dev/allocation` names. */
  readonly gpus?: readonly TopologyGpu[];
  /** Network interfaces of hardware, bonds of them, and the one of the default route. */
  readonly nics?: readonly TopologyNic[];
  /** What can run instances there; the first one runs what names none. */
  readonly runtimes?: readonly TopologyRuntime[];
  /** Release of the kernel. */
  readonly kernel?: string;
  /** Version of the kernel's control groups, 1 or 2. */
  readonly cgroupVersion?: number;
}

/** The same in few words, for tables. */
export interface NodeTopologySummary {
  /** How many processors there are, threads of a core counted apart. */
  readonly cpus?: number;
  /** How many memories there are. */
  readonly numaNodes?: number;
  /** How much memory the machine has. */
  readonly memory?: number | string;
  /** Model of its processors, the models where there are several. */
  readonly processor?: string;
  /** Names of its disks, `local,ssd`. */
  readonly disks?: string;
  /** Models of its GPUs, `2 T4,1 A10`. */
  readonly gpus?: string;
  /** What can run there, `docker,systemd`. */
  readonly runtimes?: string;
  /** Names of its network interfaces, `eth0,eth1`. */
  readonly nics?: string;
}

/** What somebody wants to do to a path that is no resource. */
export interface NonResourceAttributes {
  /** The path: `/metrics`. */
  readonly path?: string;
  /** The HTTP verb in lower case: `get`. */
  readonly verb?: string;
}

/** Verbs that are allowed on paths. */
export interface NonResourceRule {
  /** What may be done; `*` for everything. */
  readonly verbs: readonly string[];
  /** The paths; `*` at the end stands for anything. */
  readonly nonResourceURLs?: readonly string[];
}

/** A field of the pod: `metadata.name`, `status.podIP`. */
export interface ObjectFieldSelector {
  /** Version in which the field is named; default `v1`. */
  readonly apiVersion?: string;
  /**
   * The field: `metadata.name`, `metadata.namespace`, `metadata.uid`, `metadata.labels['key']`, `metadata.annotations['key']`, `spec.nodeName`, `spec.serviceAccountName`, `status.hostIP`, `status.podIP`.
   */
  readonly fieldPath: string;
}

/** Points to an object, or to a part of it. */
export interface ObjectReference {
  /** Kind of the object. */
  readonly kind?: string;
  /** Namespace of the object; empty for cluster-scoped kinds. */
  readonly namespace?: string;
  /** Name of the object. */
  readonly name?: string;
  /** Its `metadata.uid`, where that one and no later one of the same name is meant. */
  readonly uid?: string;
  /** Group and version of the object. */
  readonly apiVersion?: string;
  /** The version of the object that is meant, if any. */
  readonly resourceVersion?: string;
  /** The part that is meant: `spec.containers{web}` for one container of a pod. */
  readonly fieldPath?: string;
}

/** The kind of the objects that bindings give to the expressions as `params`. */
export interface ParamKind {
  /** Group and version: `rules.example.com/v1`. */
  readonly apiVersion?: string;
  /** The kind: `ReplicaLimit`, or `ConfigMap`. */
  readonly kind?: string;
}

/** The objects that are `params`, each in turn; by name or by labels. */
export interface ParamRef {
  /** The one object of this name. */
  readonly name?: string;
  /** Where they are; by default the namespace of the request. */
  readonly namespace?: string;
  /** All objects with these labels. */
  readonly selector?: LabelSelector;
  /** When there are none: `Allow`, or `Deny` (a failure, for the failurePolicy). */
  readonly parameterNotFoundAction?: string;
}

/** The claim's `spec`. */
export interface PersistentVolumeClaimSpec {
  /**
   * How it will be mounted: `ReadWriteOnce`, `ReadOnlyMany`, `ReadWriteMany`, `ReadWriteOncePod`.
   */
  readonly accessModes?: readonly string[];
  /** The size. */
  readonly resources?: VolumeResourceRequirements;
  /** A particular volume. */
  readonly volumeName?: string;
  /** Volumes that may be taken, by their labels. */
  readonly selector?: LabelSelector;
  /** Name of the class. */
  readonly storageClassName?: string;
  /** `Filesystem` (default) or `Block`. */
  readonly volumeMode?: 'Block' | 'Filesystem';
  /** What the new volume is filled from. */
  readonly dataSource?: TypedLocalObjectReference;
  /** What the new volume is filled from, of any kind and namespace. */
  readonly dataSourceRef?: TypedObjectReference;
  /** Name of the VolumeAttributesClass. */
  readonly volumeAttributesClassName?: string;
}

/** What the claim is made of. */
export interface PersistentVolumeClaimTemplate {
  /** Labels and annotations of the claim. */
  readonly metadata?: ObjectMeta;
  /** The claim's `spec`. */
  readonly spec: PersistentVolumeClaimSpec;
}

/**
 * A Volume of this namespace (berth.dev/v1), by its name. The pod goes to the node where it lies.
 */
export interface PersistentVolumeClaimVolumeSource {
  /** Name of the Volume. */
  readonly claimName: string;
  /** True mounts it for reading only everywhere in the pod. */
  readonly readOnly?: boolean;
}

/** A disk of Photon. Kept, and not acted on yet. */
export interface PhotonPersistentDiskVolumeSource {
  /** Id of the disk. */
  readonly pdID: string;
  /** File system of the volume: `ext4`. */
  readonly fsType?: string;
}

/**
 * Asks where the instances of a manifest would land if it were applied now. Nothing is written.
 */
export interface Plan {
  readonly apiVersion: 'berth.dev/v1';
  readonly kind: 'Plan';
  readonly metadata?: ObjectMeta;
  /** What would be applied. */
  readonly spec: PlanSpec;
  /** The answer. */
  readonly status?: PlanStatus;
}

/** What becomes of one instance. */
export interface PlanPlacement {
  /** `Pod`, `VM` or `Workload`: the object that it comes from. */
  readonly kind?: string;
  /** The namespace of that object. */
  readonly namespace?: string;
  /** The name of that object. */
  readonly name?: string;
  /** Of a Workload, the name of the pod that is there, or the number of the one to come. */
  readonly instance?: string;
  /**
   * `Placed` gets `node`, `Stays` where it is, `Unplaced` finds no node, `Removed` is one too many, `Evicted` has to make room for a more important one.
   */
  readonly outcome?: string;
  /** The node. */
  readonly node?: string;
  /** The node that it is on now, where its replacement gets another one. */
  readonly from?: string;
  /**
   * Less important instances that would be removed for it, by `namespace/name`, or `vm/namespace/name`. What becomes of them then is not planned.
   */
  readonly evicts?: readonly string[];
  /** The devices that it would get, by dimension. */
  readonly devices?: Readonly<Record<string, unknown>>;
  /** Why it finds no node, and the change that is nearest. */
  readonly message?: string;
}

/** An object that would not be accepted. */
export interface PlanProblem {
  /** Such as `Workload/web`. */
  readonly object?: string;
  /** In one word, such as `Invalid`, `Forbidden`. */
  readonly reason?: string;
  /** As `apply` would tell it. */
  readonly message?: string;
}

/** What would be applied. */
export interface PlanSpec {
  /**
   * Whole objects, as they stand in a manifest. Pods, VMs and Workloads are placed, by priority and then in this order, with the Volumes, IPPools and IPReservations among them; all are checked as a dry run of `apply` by the one who asks would check them.
   */
  readonly objects: readonly Readonly<Record<string, unknown>>[];
}

/** The answer. */
export interface PlanStatus {
  /** In one line. */
  readonly message?: string;
  /** Instances that would get a node. */
  readonly placed?: number;
  /** Instances that stay where they are. */
  readonly staying?: number;
  /** Instances that would find no node. */
  readonly unplaced?: number;
  /** Instances that would go. */
  readonly removed?: number;
  /** Less important instances, of the manifest or not, that would have to make room. */
  readonly evicted?: number;
  /** Every instance, at most 10000. */
  readonly placements?: readonly PlanPlacement[];
  /** Objects that would not be accepted. */
  readonly problems?: readonly PlanProblem[];
}

/**
 * One instance of a container or process workload, on one node. Usually made by a Workload, from its template.
 */
export interface Pod {
  readonly apiVersion: 'v1';
  readonly kind: 'Pod';
  readonly metadata: ObjectMeta;
  /**
   * What runs, and where it may run. Little of it can be changed later: images, tolerations, the grace period.
   */
  readonly spec: PodSpec;
  /** What the node reports. */
  readonly status?: PodStatus;
}

/** Rules to be near other pods. */
export interface PodAffinity {
  /** Pods it must be near to; without a fitting node it waits. */
  readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly PodAffinityTerm[];
  /** Pods it would rather be near to. */
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly WeightedPodAffinityTerm[];
}

/** Chooses pods, and says what counts as the same place. */
export interface PodAffinityTerm {
  /** The pods, by their labels. */
  readonly labelSelector?: LabelSelector;
  /** Namespaces in which to look; that of the pod when this and `namespaceSelector` are absent. */
  readonly namespaces?: readonly string[];
  /** Nodes with the same value of this label are one place: `kubernetes.io/hostname`. */
  readonly topologyKey: string;
  /** Namespaces in which to look, by their labels. */
  readonly namespaceSelector?: LabelSelector;
  /** Labels whose values are taken from the pod itself and added to the selector. */
  readonly matchLabelKeys?: readonly string[];
  /** Labels whose values are taken from the pod itself and excluded by the selector. */
  readonly mismatchLabelKeys?: readonly string[];
}

/** Rules to be away from other pods. */
export interface PodAntiAffinity {
  /** Pods it must be away from; without a fitting node it waits. */
  readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly PodAffinityTerm[];
  /** Pods it would rather be away from. */
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly WeightedPodAffinityTerm[];
}

/** One step of a pod's way, and since when it is reached or not. */
export interface PodCondition {
  /**
   * The step: `PodScheduled`, `Initialized`, `ContainersReady`, `Ready`, or a readiness gate's own.
   */
  readonly type: string;
  /** Whether it is reached: `True`, `False` or `Unknown`. */
  readonly status: 'True' | 'False' | 'Unknown';
  /** When it was last looked at. */
  readonly lastProbeTime?: string;
  /** When `status` last changed. */
  readonly lastTransitionTime?: string;
  /** One word on why: `Unschedulable`, `ContainersNotReady`. */
  readonly reason?: string;
  /** A sentence on why. */
  readonly message?: string;
}

/** Name servers and search domains in addition to those of `dnsPolicy`. */
export interface PodDNSConfig {
  /** Addresses of name servers; at most three are used. */
  readonly nameservers?: readonly string[];
  /** Domains to try for short names. */
  readonly searches?: readonly string[];
  /** Options of the resolver: `ndots`, `timeout`. */
  readonly options?: readonly PodDNSConfigOption[];
}

/** One option of the resolver. */
export interface PodDNSConfigOption {
  /** Name of the option: `ndots`. */
  readonly name?: string;
  /** Its value, if it takes one: `"2"`. */
  readonly value?: string;
}

/**
 * Limits how many of some pods may be away at once because somebody evicts them, as `kubectl drain` does. It holds nothing back that happens by itself: a dead node, a crash, an update.
 */
export interface PodDisruptionBudget {
  readonly apiVersion: 'policy/v1';
  readonly kind: 'PodDisruptionBudget';
  readonly metadata: ObjectMeta;
  /** Which pods, and how many of them must stay. */
  readonly spec: PodDisruptionBudgetSpec;
  /** What was seen last, and how many evictions that allows. */
  readonly status?: PodDisruptionBudgetStatus;
}

/** Which pods, and how many of them must stay. */
export interface PodDisruptionBudgetSpec {
  /**
   * How many of the pods must be ready after an eviction: a number, or a percentage of the replicas their workloads ask for, rounded up. `100%` forbids every eviction. Not together with `maxUnavailable`.
   */
  readonly minAvailable?: number | string;
  /**
   * The pods of this namespace that it counts and protects. An empty selector is all of them, an absent one none. A pod may be under one budget only.
   */
  readonly selector?: LabelSelector;
  /**
   * How many of the replicas that their workloads ask for may be missing or not ready after an eviction: a number, or a percentage of them, rounded up. 0 forbids every eviction. Not together with `minAvailable`.
   */
  readonly maxUnavailable?: number | string;
  /**
   * When pods that run and are not ready may be evicted. `IfHealthyBudget` (default): when enough others are ready. `AlwaysAllow`: always.
   */
  readonly unhealthyPodEvictionPolicy?: 'IfHealthyBudget' | 'AlwaysAllow';
}

/** What was seen last, and how many evictions that allows. */
export interface PodDisruptionBudgetStatus {
  /**
   * The `metadata.generation` that this status tells about; nothing is evicted while it is behind.
   */
  readonly observedGeneration?: number;
  /**
   * Pods whose eviction was granted and whose deletion has not been seen yet, with the time. They count as gone; after two minutes they are counted again.
   */
  readonly disruptedPods?: Readonly<Record<string, string>>;
  /** How many pods may be evicted right now. */
  readonly disruptionsAllowed: number;
  /** How many of the pods are ready. */
  readonly currentHealthy: number;
  /** How many of them must be. */
  readonly desiredHealthy: number;
  /** How many pods there should be. */
  readonly expectedPods: number;
  /** `DisruptionAllowed`, with reason `SufficientPods`, `InsufficientPods` or `SyncFailed`. */
  readonly conditions?: readonly Condition[];
}

/**
 * Job and Cron, with restartPolicy Never: what a failed run means, by how it failed. The first rule that matches counts; where none does, the failure counts to `backoffLimit`.
 */
export interface PodFailurePolicy {
  /** The rules, in the order in which they are tried. */
  readonly rules: readonly PodFailurePolicyRule[];
}

/** Matches by the exit code of a container that did not end with 0. */
export interface PodFailurePolicyOnExitCodes {
  /** Only this container; absent = any. */
  readonly containerName?: string;
  /** Whether the code must be among `values` or must not. */
  readonly operator: 'In' | 'NotIn';
  /** Exit codes; 0 cannot be among them with In. */
  readonly values: readonly number[];
}

/** A condition of the pod. */
export interface PodFailurePolicyOnPodConditionsPattern {
  /** The condition's type. */
  readonly type: string;
  /** Its status; default True. */
  readonly status?: 'True' | 'False' | 'Unknown';
}

/** One rule; it has either `onExitCodes` or `onPodConditions`. */
export interface PodFailurePolicyRule {
  /**
   * `FailJob`: the Job fails at once. `Ignore`: run again, and do not count the failure. `Count`: as without a rule.
   */
  readonly action: 'FailJob' | 'Ignore' | 'Count';
  /** Matches by the exit code of a container that did not end with 0. */
  readonly onExitCodes?: PodFailurePolicyOnExitCodes;
  /** Matches when the pod has one of these conditions, like `DisruptionTarget`. */
  readonly onPodConditions?: readonly PodFailurePolicyOnPodConditionsPattern[];
}

/** An address of the pod. */
export interface PodIP {
  /** The address. */
  readonly ip: string;
}

/** What the containers of a pod use now. */
export interface PodMetrics {
  readonly apiVersion: 'metrics.k8s.io/v1beta1';
  readonly kind: 'PodMetrics';
  readonly metadata?: ObjectMeta;
  /** When the window ended. */
  readonly timestamp?: string;
  /** Over how long CPU was measured, such as `15s`. */
  readonly window?: string;
  /** What each running container uses. */
  readonly containers?: readonly ContainerMetrics[];
}

/** The operating system the containers are made for. Kept, and not acted on yet. */
export interface PodOS {
  /** `linux` or `windows`. */
  readonly name: string;
}

/** A condition that must hold before the pod is ready. */
export interface PodReadinessGate {
  /** `type` of a condition in the pod's status. */
  readonly conditionType: string;
}

/** A claim, or the template for one. */
export interface PodResourceClaim {
  /** Name by which containers refer to it. */
  readonly name: string;
  /** A ResourceClaim that exists already. */
  readonly resourceClaimName?: string;
  /** A template to make a ResourceClaim from, for this pod alone. */
  readonly resourceClaimTemplateName?: string;
}

/** The claim made for one entry of `resourceClaims`. */
export interface PodResourceClaimStatus {
  /** Name of the entry. */
  readonly name: string;
  /** Name of the ResourceClaim; absent when none was needed. */
  readonly resourceClaimName?: string;
}

/** One reason not to schedule yet. */
export interface PodSchedulingGate {
  /** Name of the gate, unique in the pod. */
  readonly name: string;
}

/** User, group and privileges for all containers of a pod. */
export interface PodSecurityContext {
  /** SELinux labels of the containers. Kept, and not acted on yet. */
  readonly seLinuxOptions?: SELinuxOptions;
  /** User id the containers run as; the image's own when absent. */
  readonly runAsUser?: number;
  /** True refuses to start containers as user 0. */
  readonly runAsNonRoot?: boolean;
  /** Further group ids of each container's first process. */
  readonly supplementalGroups?: readonly number[];
  /** Group id that owns the pod's volumes. */
  readonly fsGroup?: number;
  /** Group id the containers run as; the image's own when absent. */
  readonly runAsGroup?: number;
  /** Kernel parameters of the pod's own namespaces. */
  readonly sysctls?: readonly Sysctl[];
  /** Settings for Windows. Kept, and not acted on yet. */
  readonly windowsOptions?: WindowsSecurityContextOptions;
  /**
   * When volumes are given to `fsGroup`: `Always`, or `OnRootMismatch` only if their top differs. Kept, and not acted on yet.
   */
  readonly fsGroupChangePolicy?: 'OnRootMismatch' | 'Always';
  /** Filter of system calls. */
  readonly seccompProfile?: SeccompProfile;
  /** AppArmor profile. Kept, and not acted on yet. */
  readonly appArmorProfile?: AppArmorProfile;
  /**
   * Whether groups of the image count too: `Merge` (default) or `Strict`. Kept, and not acted on yet.
   */
  readonly supplementalGroupsPolicy?: 'Merge' | 'Strict';
  /**
   * How volumes get their SELinux label: `MountOption` or `Recursive`. Kept, and not acted on yet.
   */
  readonly seLinuxChangePolicy?: string;
}

/** What a pod runs, and where it may run. */
export interface PodSpec {
  /** Directories and files that containers can mount by name with `volumeMounts`. */
  readonly volumes?: readonly PodVolume[];
  /**
   * What runs: at least one. All of them run on the same node, share one network address, and start and stop together. Cannot be added or removed later.
   */
  readonly containers: readonly Container[];
  /**
   * What happens when a container exits: `Always` (default) starts it again, `OnFailure` only if its exit code is not 0, `Never` leaves it. Starting again waits 10 s, then twice as long each time, up to 5 minutes.
   */
  readonly restartPolicy?: 'Always' | 'OnFailure' | 'Never';
  /**
   * Seconds between SIGTERM and SIGKILL when the pod is stopped; default 30. 0 kills at once, a negative number is taken for 1.
   */
  readonly terminationGracePeriodSeconds?: number;
  /** Seconds after which the pod is stopped and counts as failed. Kept, and not acted on yet. */
  readonly activeDeadlineSeconds?: number;
  /**
   * How names are resolved: `ClusterFirst` (default; with `hostNetwork` as `Default`) and `ClusterFirstWithHostNet` ask the node, which knows `<name>.<namespace>.berth` and passes all others on; `Default` does as the machine does, `None` only as `dnsConfig` says.
   */
  readonly dnsPolicy?: 'ClusterFirst' | 'ClusterFirstWithHostNet' | 'Default' | 'None';
  /** Labels that a node must have to be chosen: `{disk: ssd}`. */
  readonly nodeSelector?: Readonly<Record<string, string>>;
  /** The ServiceAccount the pod acts as; `default` when absent. */
  readonly serviceAccountName?: string;
  /** Old name of `serviceAccountName`; both always say the same. */
  readonly serviceAccount?: string;
  /**
   * The node the pod runs on. Set by the scheduler; a pod created with it goes there without being scheduled.
   */
  readonly nodeName?: string;
  /** True shares the machine's network: no address of its own, ports are the machine's. */
  readonly hostNetwork?: boolean;
  /** True shares the machine's process ids: every process of the machine is seen. */
  readonly hostPID?: boolean;
  /** True shares the machine's System V IPC and POSIX message queues. */
  readonly hostIPC?: boolean;
  /** User and group for all containers; what a container says itself wins. */
  readonly securityContext?: PodSecurityContext;
  /** Secrets with the credentials for registries. */
  readonly imagePullSecrets?: readonly LocalObjectReference[];
  /** The host name inside; the pod's name when absent. */
  readonly hostname?: string;
  /**
   * With a subdomain the full name is `hostname.subdomain.namespace.svc.` and the cluster's domain.
   */
  readonly subdomain?: string;
  /** Rules that draw the pod to nodes or other pods, or keep it from them. */
  readonly affinity?: Affinity;
  /**
   * The scheduler that chooses the node; default `default-scheduler`. Any other name leaves the pod to a scheduler of your own.
   */
  readonly schedulerName?: string;
  /** Containers that run one after the other, each to its end, before `containers` start. */
  readonly initContainers?: readonly Container[];
  /** Whether a token of the service account should be mounted. */
  readonly automountServiceAccountToken?: boolean;
  /** Taints of nodes that do not keep this pod away. */
  readonly tolerations?: readonly Toleration[];
  /** Lines added to `/etc/hosts` inside the containers. */
  readonly hostAliases?: readonly HostAlias[];
  /**
   * Name of the PriorityClass that gives `priority` and `preemptionPolicy`; default the class that is `globalDefault`, if there is one.
   */
  readonly priorityClassName?: string;
  /**
   * The higher, the earlier it is scheduled, and the later it has to make room. Set by the server from `priorityClassName`; 0 without one.
   */
  readonly priority?: number;
  /** Name servers and search domains in addition to those of `dnsPolicy`. */
  readonly dnsConfig?: PodDNSConfig;
  /** True lets the containers of the pod see each other's processes. */
  readonly shareProcessNamespace?: boolean;
  /**
   * Further conditions that must be `True` before the pod counts as ready. Kept, and not acted on yet.
   */
  readonly readinessGates?: readonly PodReadinessGate[];
  /** What runs the pod: `docker` (default) or `systemd`. */
  readonly runtimeClassName?: string;
  /**
   * Whether environment variables tell about Services; default true. Berth has no Services, so there are none.
   */
  readonly enableServiceLinks?: boolean;
  /**
   * Whether pods of lower priority may be removed to make room: `PreemptLowerPriority` or `Never`.
   */
  readonly preemptionPolicy?: 'PreemptLowerPriority' | 'Never';
  /**
   * Resources used by running the pod at all, added to those of its containers. Kept, and not acted on yet.
   */
  readonly overhead?: Readonly<Record<string, number | string>>;
  /** How evenly pods are spread over zones, racks or nodes. */
  readonly topologySpreadConstraints?: readonly TopologySpreadConstraint[];
  /** Containers added to a running pod to look into it (`kubectl debug`). */
  readonly ephemeralContainers?: readonly EphemeralContainer[];
  /** True makes the full name the kernel's host name. */
  readonly setHostnameAsFQDN?: boolean;
  /** The operating system the containers are made for. Kept, and not acted on yet. */
  readonly os?: PodOS;
  /** False runs the pod in a user namespace of its own. Kept, and not acted on yet. */
  readonly hostUsers?: boolean;
  /**
   * While there is any, the pod is not scheduled. Set when the pod is made; later on they can be removed only.
   */
  readonly schedulingGates?: readonly PodSchedulingGate[];
  /**
   * Devices claimed through dynamic resource allocation, for containers to refer to by name. Kept, and not acted on yet.
   */
  readonly resourceClaims?: readonly PodResourceClaim[];
  /** Resources of the pod as a whole. Kept, and not acted on yet. */
  readonly resources?: ResourceRequirements;
}

/** What the node reports about the pod. */
export interface PodStatus {
  /**
   * Where the pod is in its life: `Pending` (not all containers have started), `Running`, `Succeeded` (all exited with 0 and stay so), `Failed` (all exited, one with another code), `Unknown` (the node does not answer).
   */
  readonly phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  /** Steps reached: `PodScheduled`, `Initialized`, `ContainersReady`, `Ready`. */
  readonly conditions?: readonly PodCondition[];
  /** A sentence on why the pod is in this state. */
  readonly message?: string;
  /** One word on why the pod is in this state: `Evicted`, `Stopped`. */
  readonly reason?: string;
  /** Address of the node. */
  readonly hostIP?: string;
  /** Address of the pod; empty until it has one. */
  readonly podIP?: string;
  /** When the node took the pod up. */
  readonly startTime?: string;
  /** What became of each container. */
  readonly containerStatuses?: readonly ContainerStatus[];
  /**
   * How its requests and limits rank it when memory is short: `Guaranteed`, `Burstable` or `BestEffort`.
   */
  readonly qosClass?: 'Guaranteed' | 'Burstable' | 'BestEffort';
  /** What became of each init container. */
  readonly initContainerStatuses?: readonly ContainerStatus[];
  /** A node where room is being made for this pod. */
  readonly nominatedNodeName?: string;
  /** All addresses of the pod: at most one of IPv4 and one of IPv6. */
  readonly podIPs?: readonly PodIP[];
  /** What became of each ephemeral container. */
  readonly ephemeralContainerStatuses?: readonly ContainerStatus[];
  /** How far a change of resources in place has come. */
  readonly resize?: string;
  /** The claims that were made from templates. */
  readonly resourceClaimStatuses?: readonly PodResourceClaimStatus[];
  /** All addresses of the node. */
  readonly hostIPs?: readonly HostIP[];
}

/** What a pod is made of. */
export interface PodTemplateSpec {
  /** Labels and annotations that each pod made of the template gets. */
  readonly metadata?: ObjectMeta;
  /** The pod's `spec`. */
  readonly spec: PodSpec;
}

/**
 * A directory or file for containers to mount: a name and exactly one source; `emptyDir` when none is given.
 */
export interface PodVolume {
  /** Name by which `volumeMounts` refer to it, unique in the pod. */
  readonly name: string;
  /** A directory or file of the machine. */
  readonly hostPath?: HostPathVolumeSource;
  /** An empty directory that lives as long as the pod. */
  readonly emptyDir?: EmptyDirVolumeSource;
  /** A disk of Google Compute Engine. Kept, and not acted on yet. */
  readonly gcePersistentDisk?: GCEPersistentDiskVolumeSource;
  /** A disk of AWS EBS. Kept, and not acted on yet. */
  readonly awsElasticBlockStore?: AWSElasticBlockStoreVolumeSource;
  /** A clone of a git repository. Kept, and not acted on yet. */
  readonly gitRepo?: GitRepoVolumeSource;
  /** The keys of a Secret as files. */
  readonly secret?: SecretVolumeSource;
  /** A directory of an NFS server. Kept, and not acted on yet. */
  readonly nfs?: NFSVolumeSource;
  /** A disk over iSCSI. Kept, and not acted on yet. */
  readonly iscsi?: ISCSIVolumeSource;
  /** A Glusterfs volume. Kept, and not acted on yet. */
  readonly glusterfs?: GlusterfsVolumeSource;
  /**
   * A Volume of this namespace (berth.dev/v1), by its name. The pod goes to the node where it lies.
   */
  readonly persistentVolumeClaim?: PersistentVolumeClaimVolumeSource;
  /** A Ceph block device. Kept, and not acted on yet. */
  readonly rbd?: RBDVolumeSource;
  /** A volume of an old-style driver program. Kept, and not acted on yet. */
  readonly flexVolume?: FlexVolumeSource;
  /** A disk of OpenStack Cinder. Kept, and not acted on yet. */
  readonly cinder?: CinderVolumeSource;
  /** A CephFS directory. Kept, and not acted on yet. */
  readonly cephfs?: CephFSVolumeSource;
  /** A Flocker dataset. Kept, and not acted on yet. */
  readonly flocker?: FlockerVolumeSource;
  /** Fields of the pod as files. */
  readonly downwardAPI?: DownwardAPIVolumeSource;
  /** A disk over Fibre Channel. Kept, and not acted on yet. */
  readonly fc?: FCVolumeSource;
  /** A share of Azure Files. Kept, and not acted on yet. */
  readonly azureFile?: AzureFileVolumeSource;
  /** The keys of a ConfigMap as files. */
  readonly configMap?: ConfigMapVolumeSource;
  /** A virtual disk of vSphere. Kept, and not acted on yet. */
  readonly vsphereVolume?: VsphereVirtualDiskVolumeSource;
  /** A Quobyte volume. Kept, and not acted on yet. */
  readonly quobyte?: QuobyteVolumeSource;
  /** A disk of Azure. Kept, and not acted on yet. */
  readonly azureDisk?: AzureDiskVolumeSource;
  /** A disk of Photon. Kept, and not acted on yet. */
  readonly photonPersistentDisk?: PhotonPersistentDiskVolumeSource;
  /** A Portworx volume. Kept, and not acted on yet. */
  readonly portworxVolume?: PortworxVolumeSource;
  /** A ScaleIO volume. Kept, and not acted on yet. */
  readonly scaleIO?: ScaleIOVolumeSource;
  /** Several sources in one directory. */
  readonly projected?: ProjectedVolumeSource;
  /** A StorageOS volume. Kept, and not acted on yet. */
  readonly storageos?: StorageOSVolumeSource;
  /** A volume made by a CSI driver for this pod alone. Kept, and not acted on yet. */
  readonly csi?: CSIVolumeSource;
  /** A claim that is made with the pod and goes with it. Kept, and not acted on yet. */
  readonly ephemeral?: EphemeralVolumeSource;
  /** The files of an image. Kept, and not acted on yet. */
  readonly image?: ImageVolumeSource;
}

/** Verbs that are allowed on resources, or on paths that are no resources. */
export interface PolicyRule {
  /**
   * What may be done: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`; `*` for everything.
   */
  readonly verbs: readonly string[];
  /** Groups of the resources; `""` is the core group, `*` all groups. */
  readonly apiGroups?: readonly string[];
  /** Plural names: `pods`, `pods/log`; `*` for all. */
  readonly resources?: readonly string[];
  /**
   * Only objects of these names; all when empty. Does not restrict `create` and `deletecollection`, where no name is known.
   */
  readonly resourceNames?: readonly string[];
  /** Paths: `/metrics`, `/healthz/*`. Only in a ClusterRole. */
  readonly nonResourceURLs?: readonly string[];
}

/** A Portworx volume. Kept, and not acted on yet. */
export interface PortworxVolumeSource {
  /** Id of the volume. */
  readonly volumeID: string;
  /** File system of the volume: `ext4`. */
  readonly fsType?: string;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
}

/** Delete only if the object is still this one. */
export interface Preconditions {
  /** It must have this `metadata.uid`. */
  readonly uid?: string;
  /** It must have this `metadata.resourceVersion`. */
  readonly resourceVersion?: string;
}

/** A wish with its weight. */
export interface PreferredSchedulingTerm {
  /** How much it counts, 1 to 100. */
  readonly weight: number;
  /** The nodes that are wished for. */
  readonly preference: NodeSelectorTerm;
}

/**
 * How important the pods and machines are that name it in `spec.priorityClassName`: they are placed first, and where nothing is free they take the place of less important ones.
 */
export interface PriorityClass {
  readonly apiVersion: 'scheduling.k8s.io/v1';
  readonly kind: 'PriorityClass';
  readonly metadata: ObjectMeta;
  /**
   * The priority: a whole number up to 1000000000, negative ones too; pods without a class have 0. It cannot be changed.
   */
  readonly value: number;
  /** Whether pods that name no class are of this one; one class at most says so. */
  readonly globalDefault?: boolean;
  /** When this class should be used, for people. */
  readonly description?: string;
  /**
   * `PreemptLowerPriority` (default): a pod that fits nowhere takes the place of less important ones. `Never`: it is placed before them, but waits until something is free. It cannot be changed.
   */
  readonly preemptionPolicy?: 'PreemptLowerPriority' | 'Never';
}

/** Check that restarts the container when it fails. */
export interface Probe {
  /** Runs a command inside the container; exit code 0 is success. */
  readonly exec?: ExecAction;
  /** Makes an HTTP request; a status from 200 to 399 is success. */
  readonly httpGet?: HTTPGetAction;
  /** Opens a TCP connection; getting one is success. */
  readonly tcpSocket?: TCPSocketAction;
  /** Asks the gRPC health service. */
  readonly grpc?: GRPCAction;
  /** Seconds after the start before the first check; default 0. */
  readonly initialDelaySeconds?: number;
  /** Seconds after which a check without answer has failed; default 1. */
  readonly timeoutSeconds?: number;
  /** Seconds from one check to the next; default 10. */
  readonly periodSeconds?: number;
  /** Successes in a row that end a failure; default 1, and always 1 for liveness and startup. */
  readonly successThreshold?: number;
  /** Failures in a row that count as a failure; default 3. */
  readonly failureThreshold?: number;
  /**
   * Seconds between SIGTERM and SIGKILL when this check stops the container; the pod's when absent.
   */
  readonly terminationGracePeriodSeconds?: number;
}

/** Several sources in one directory. */
export interface ProjectedVolumeSource {
  /** The sources; a later one wins. */
  readonly sources?: readonly VolumeProjection[];
  /** Permissions of the files as a number, 0 to 511; default 420, which is octal 0644. */
  readonly defaultMode?: number;
}

/** A Quobyte volume. Kept, and not acted on yet. */
export interface QuobyteVolumeSource {
  /** Addresses of the registry, as `host:port`, separated by commas. */
  readonly registry: string;
  /** Name of the volume. */
  readonly volume: string;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
  /** User to mount it as. */
  readonly user?: string;
  /** Group to mount it as. */
  readonly group?: string;
  /** Tenant that owns it. */
  readonly tenant?: string;
}

/** A Ceph block device. Kept, and not acted on yet. */
export interface RBDVolumeSource {
  /** Addresses of Ceph monitors. */
  readonly monitors: readonly string[];
  /** Name of the image. */
  readonly image: string;
  /** File system of the volume: `ext4`. */
  readonly fsType?: string;
  /** Pool of the image; default `rbd`. */
  readonly pool?: string;
  /** User of Ceph; default `admin`. */
  readonly user?: string;
  /** File of the node with the key ring; default `/etc/ceph/keyring`. */
  readonly keyring?: string;
  /** Secret with the credentials. */
  readonly secretRef?: LocalObjectReference;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
}

/** What somebody wants to do to a resource. */
export interface ResourceAttributes {
  /** Namespace; empty means all namespaces, or a cluster-scoped kind. */
  readonly namespace?: string;
  /** What is to be done: `get`, `list`, `create`; `*` means everything. */
  readonly verb?: string;
  /** Group of the resource; `*` means all. */
  readonly group?: string;
  /** Version of the resource; `*` means all. */
  readonly version?: string;
  /** Plural name: `pods`; `*` means all. */
  readonly resource?: string;
  /** Subresource: `log`; empty means the object itself. */
  readonly subresource?: string;
  /** Name of the object; empty means all. */
  readonly name?: string;
  /** The field selector of a list or watch. */
  readonly fieldSelector?: FieldSelectorAttributes;
  /** The label selector of a list or watch. */
  readonly labelSelector?: LabelSelectorAttributes;
}

/** An entry of the pod's `resourceClaims`. */
export interface ResourceClaim {
  /** Name of the entry. */
  readonly name: string;
  /** One request of the claim; all of it when absent. */
  readonly request?: string;
}

/** A request or limit of a container. */
export interface ResourceFieldSelector {
  /** The container; the one the variable belongs to when absent. */
  readonly containerName?: string;
  /** Which one: `limits.cpu`, `limits.memory`, `requests.cpu`, `requests.memory`. */
  readonly resource: string;
  /** The unit to tell it in: `1m`, `1Mi`. Default `0`, which means 1; the result is rounded up. */
  readonly divisor?: number | string;
}

/** Health of one device. */
export interface ResourceHealth {
  /** The device, unique in its resource. */
  readonly resourceID: string;
  /** `Healthy`, `Unhealthy` or `Unknown`. */
  readonly health?: string;
}

/**
 * How much of everything a namespace may use: what would go beyond it cannot be created. What is there already stays, whatever the quota says.
 */
export interface ResourceQuota {
  readonly apiVersion: 'v1';
  readonly kind: 'ResourceQuota';
  readonly metadata: ObjectMeta;
  /** What is allowed, and of which pods. */
  readonly spec: ResourceQuotaSpec;
  /** What is enforced, and how much of it is used. */
  readonly status?: ResourceQuotaStatus;
}

/** What is allowed, and of which pods. */
export interface ResourceQuotaSpec {
  /**
   * The most of each resource: `requests.cpu`, `limits.memory`, `requests.example.com/gpu`, `pods`, `configmaps`, or `count/<plural>.<group>` of any kind. `cpu` and `memory` mean the requests.
   */
  readonly hard?: Readonly<Record<string, number | string>>;
  /**
   * Counts only pods that are in all of these: `Terminating` (with activeDeadlineSeconds), `NotTerminating`, `BestEffort` (no requests or limits), `NotBestEffort`, `PriorityClass`, `CrossNamespacePodAffinity`. Cannot be changed.
   */
  readonly scopes?: readonly string[];
  /** Like `scopes`, with operators and values. */
  readonly scopeSelector?: ScopeSelector;
}

/** What is enforced, and how much of it is used. */
export interface ResourceQuotaStatus {
  /** The most of each resource, as it is enforced. */
  readonly hard?: Readonly<Record<string, number | string>>;
  /** How much of each resource the namespace uses now. */
  readonly used?: Readonly<Record<string, number | string>>;
}

/** Requests and limits in force. */
export interface ResourceRequirements {
  /** The most it may use: CPU is slowed down beyond it, memory beyond it ends the container. */
  readonly limits?: Readonly<Record<string, number | string>>;
  /**
   * What is set aside for it on its node; the scheduler chooses a node with so much left. The same as `limits` when absent.
   */
  readonly requests?: Readonly<Record<string, number | string>>;
  /** Entries of the pod's `resourceClaims` that the container uses. Kept, and not acted on yet. */
  readonly claims?: readonly ResourceClaim[];
}

/** Verbs that are allowed on resources. */
export interface ResourceRule {
  /** What may be done; `*` for everything. */
  readonly verbs: readonly string[];
  /** Groups of the resources; `*` for all. */
  readonly apiGroups?: readonly string[];
  /** Plural names; `*` for all. */
  readonly resources?: readonly string[];
  /** Only objects of these names; all when empty. */
  readonly resourceNames?: readonly string[];
}

/** Health of what was given of one resource. */
export interface ResourceStatus {
  /** Name of the resource: `gpu-vendor.example/gpu`. */
  readonly name: string;
  /** Each device of it. */
  readonly resources?: readonly ResourceHealth[];
}

/** What may be done in one namespace. Rules only allow; nothing denies. */
export interface Role {
  readonly apiVersion: 'rbac.authorization.k8s.io/v1';
  readonly kind: 'Role';
  readonly metadata: ObjectMeta;
  /** What is allowed. */
  readonly rules?: readonly PolicyRule[] | null;
}

/** Gives a Role or ClusterRole to people and programs, in one namespace. */
export interface RoleBinding {
  readonly apiVersion: 'rbac.authorization.k8s.io/v1';
  readonly kind: 'RoleBinding';
  readonly metadata: ObjectMeta;
  /** Who gets it. */
  readonly subjects?: readonly Subject[];
  /** The role that is given. Cannot be changed. */
  readonly roleRef: RoleRef;
}

/** The role that is given. Cannot be changed. */
export interface RoleRef {
  /** Always `rbac.authorization.k8s.io`. */
  readonly apiGroup?: string;
  /** `Role` or `ClusterRole`. */
  readonly kind: string;
  /** Name of the role. */
  readonly name: string;
}

/** Operations on resources. A request fits when each list names it, or says `*`. */
export interface RuleWithOperations {
  /** Of `CREATE`, `UPDATE`, `DELETE`, `CONNECT`; or `*` alone. */
  readonly operations?: readonly string[];
  /** API groups; the core group is the empty text; or `*` alone. */
  readonly apiGroups?: readonly string[];
  /** Versions: `v1`; or `*` alone. */
  readonly apiVersions?: readonly string[];
  /**
   * Plurals, with the subresource where one is meant: `pods`, `pods/status`, `pods/*`, `* /scale`. `*` is all resources without subresources, `* /*` everything.
   */
  readonly resources?: readonly string[];
  /** `Cluster`, `Namespaced`, or `*` (default) for both. Namespaces are cluster-scoped. */
  readonly scope?: string;
}

/** SELinux labels of the container. Kept, and not acted on yet. */
export interface SELinuxOptions {
  /** The label's user. */
  readonly user?: string;
  /** The label's role. */
  readonly role?: string;
  /** The label's type. */
  readonly type?: string;
  /** The label's level. */
  readonly level?: string;
}

/** How many replicas something should have, and has. */
export interface Scale {
  readonly apiVersion: 'autoscaling/v1';
  readonly kind: 'Scale';
  readonly metadata?: ObjectMeta;
  /** What should be. */
  readonly spec?: ScaleSpec;
  /** What is. */
  readonly status?: ScaleStatus;
}

/** A ScaleIO volume. Kept, and not acted on yet. */
export interface ScaleIOVolumeSource {
  /** Address of the gateway. */
  readonly gateway: string;
  /** Name of the storage system. */
  readonly system: string;
  /** Secret with the credentials. */
  readonly secretRef: LocalObjectReference;
  /** Whether the gateway is asked over TLS. */
  readonly sslEnabled?: boolean;
  /** Protection domain of the storage. */
  readonly protectionDomain?: string;
  /** Storage pool in the domain. */
  readonly storagePool?: string;
  /** `ThinProvisioned` (default) or `ThickProvisioned`. */
  readonly storageMode?: string;
  /** Name of the volume. */
  readonly volumeName?: string;
  /** File system of the volume: `ext4`. */
  readonly fsType?: string;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
}

/** What should be. */
export interface ScaleSpec {
  /** How many replicas there should be; 0 when absent. */
  readonly replicas?: number;
}

/** What is. */
export interface ScaleStatus {
  /** How many replicas there are. */
  readonly replicas: number;
  /** Which pods they are, as a label selector in text. */
  readonly selector?: string;
}

/** Like `scopes`, with operators and values. */
export interface ScopeSelector {
  /** What must hold of a pod, all of it. */
  readonly matchExpressions?: readonly ScopedResourceSelectorRequirement[];
}

/** One scope, and what it must be. */
export interface ScopedResourceSelectorRequirement {
  /** The scope, as in `scopes`. */
  readonly scopeName: string;
  /** `In`, `NotIn`, `Exists` or `DoesNotExist`; all but `Exists` only with `PriorityClass`. */
  readonly operator: string;
  /** Names of priority classes, for `In` and `NotIn`. */
  readonly values?: readonly string[];
}

/** Filter of system calls. */
export interface SeccompProfile {
  /** `Unconfined`, `RuntimeDefault`, or `Localhost` for a file of the node. */
  readonly type: 'Unconfined' | 'RuntimeDefault' | 'Localhost';
  /** With `Localhost`, the file, relative to the node's folder of profiles. */
  readonly localhostProfile?: string;
}

/** Like a ConfigMap, for what not everybody may read. At most 1 MiB. */
export interface Secret {
  readonly apiVersion: 'v1';
  readonly kind: 'Secret';
  readonly metadata: ObjectMeta;
  /** Keys and values, in base64. */
  readonly data?: Readonly<Record<string, string>>;
  /**
   * What it holds, and so which keys it must have; default `Opaque`. `kubernetes.io/tls`, `kubernetes.io/dockerconfigjson`, or a name of your own. Cannot be changed.
   */
  readonly type?: string;
  /** Keys and values as text, for writing: they are moved to `data` and never shown here. */
  readonly stringData?: Readonly<Record<string, string>>;
  /** True: the data can never be changed again; only deleted. */
  readonly immutable?: boolean;
}

/** The Secret. */
export interface SecretEnvSource {
  /** Name of the Secret. */
  readonly name?: string;
  /** True: it may be missing. Otherwise the container waits for it. */
  readonly optional?: boolean;
}

/** A key of a Secret. */
export interface SecretKeySelector {
  /** Name of the Secret. */
  readonly name?: string;
  /** The key. */
  readonly key: string;
  /** True: no variable when Secret or key is missing. Otherwise the container waits for it. */
  readonly optional?: boolean;
}

/** Keys of a Secret. */
export interface SecretProjection {
  /** Name of the Secret. */
  readonly name?: string;
  /** Only these keys, at these paths. */
  readonly items?: readonly KeyToPath[];
  /** True: it may be missing. */
  readonly optional?: boolean;
}

/** The keys of a Secret as files. */
export interface SecretVolumeSource {
  /** Name of the Secret. */
  readonly secretName?: string;
  /** Only these keys, at these paths; all keys under their own names when absent. */
  readonly items?: readonly KeyToPath[];
  /** Permissions of the files as a number, 0 to 511; default 420, which is octal 0644. */
  readonly defaultMode?: number;
  /** True: it may be missing, and the directory is empty. Otherwise the pod waits for it. */
  readonly optional?: boolean;
}

/** User, group and privileges; goes before the pod's. */
export interface SecurityContext {
  /** Rights of root to add or take away. */
  readonly capabilities?: Capabilities;
  /** True gives all rights over the machine; default false. */
  readonly privileged?: boolean;
  /** SELinux labels of the container. Kept, and not acted on yet. */
  readonly seLinuxOptions?: SELinuxOptions;
  /** User id the container runs as; the pod's, then the image's own when absent. */
  readonly runAsUser?: number;
  /** True refuses to start the container as user 0. */
  readonly runAsNonRoot?: boolean;
  /** True mounts the root directory for reading only; volumes can still be written. */
  readonly readOnlyRootFilesystem?: boolean;
  /** False keeps processes from gaining rights, for instance through setuid programs. */
  readonly allowPrivilegeEscalation?: boolean;
  /** Group id the container runs as; the pod's, then the image's own when absent. */
  readonly runAsGroup?: number;
  /** Whether `/proc` is masked: `Default` or `Unmasked`. Kept, and not acted on yet. */
  readonly procMount?: string;
  /** Settings for Windows. Kept, and not acted on yet. */
  readonly windowsOptions?: WindowsSecurityContextOptions;
  /** Filter of system calls. */
  readonly seccompProfile?: SeccompProfile;
  /** AppArmor profile. Kept, and not acted on yet. */
  readonly appArmorProfile?: AppArmorProfile;
}

/** A field that `--field-selector` can use. */
export interface SelectableField {
  /** Where it stands: `.spec.color`; a string, number or boolean. */
  readonly jsonPath: string;
}

/** Asks whether the one who asks may do something. */
export interface SelfSubjectAccessReview {
  readonly apiVersion: 'authorization.k8s.io/v1';
  readonly kind: 'SelfSubjectAccessReview';
  readonly metadata?: ObjectMeta;
  /** What is to be done. */
  readonly spec: SelfSubjectAccessReviewSpec;
  /** The answer. */
  readonly status?: SubjectAccessReviewStatus;
}

/** What is to be done. */
export interface SelfSubjectAccessReviewSpec {
  /** A request for a resource. */
  readonly resourceAttributes?: ResourceAttributes;
  /** A request for a path that is no resource. */
  readonly nonResourceAttributes?: NonResourceAttributes;
}

/** Asks who the one who asks is. */
export interface SelfSubjectReview {
  readonly apiVersion: 'authentication.k8s.io/v1';
  readonly kind: 'SelfSubjectReview';
  readonly metadata?: ObjectMeta;
  /** The answer. */
  readonly status?: SelfSubjectReviewStatus;
}

/** The answer. */
export interface SelfSubjectReviewStatus {
  /** Who asks. */
  readonly userInfo?: UserInfo;
}

/** Asks what the one who asks may do in a namespace. */
export interface SelfSubjectRulesReview {
  readonly apiVersion: 'authorization.k8s.io/v1';
  readonly kind: 'SelfSubjectRulesReview';
  readonly metadata?: ObjectMeta;
  /** The question. */
  readonly spec: SelfSubjectRulesReviewSpec;
  /** The answer. */
  readonly status?: SubjectRulesReviewStatus;
}

/** The question. */
export interface SelfSubjectRulesReviewSpec {
  /** The namespace. */
  readonly namespace?: string;
}

/** Who a program is when it talks to the API. */
export interface ServiceAccount {
  readonly apiVersion: 'v1';
  readonly kind: 'ServiceAccount';
  readonly metadata: ObjectMeta;
  /** Secrets that belong to it. */
  readonly secrets?: readonly ObjectReference[];
  /** Secrets with the credentials for registries, for pods that act as it. */
  readonly imagePullSecrets?: readonly LocalObjectReference[];
  /** Whether pods that act as it should get a token. */
  readonly automountServiceAccountToken?: boolean;
}

/** A token of the pod's service account. */
export interface ServiceAccountTokenProjection {
  /** Whom the token is for; the API server when absent. */
  readonly audience?: string;
  /** Seconds the token is valid; default 3600, at least 600. */
  readonly expirationSeconds?: number;
  /** Path of the file below the mount. */
  readonly path: string;
}

/**
 * A Service of the cluster. Berth has no Services: such a webhook cannot be called, and its `failurePolicy` decides. Use `url`.
 */
export interface ServiceReference {
  /** Namespace of the Service. */
  readonly namespace?: string;
  /** Name of the Service. */
  readonly name?: string;
  /** Path to ask for. */
  readonly path?: string;
  /** Its port; default 443. */
  readonly port?: number;
}

/** Waits. */
export interface SleepAction {
  /** Seconds to wait. */
  readonly seconds: number;
}

/** A StorageOS volume. Kept, and not acted on yet. */
export interface StorageOSVolumeSource {
  /** Name of the volume. */
  readonly volumeName?: string;
  /** Namespace of StorageOS in which it is. */
  readonly volumeNamespace?: string;
  /** File system of the volume: `ext4`. */
  readonly fsType?: string;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
  /** Secret with the credentials. */
  readonly secretRef?: LocalObjectReference;
}

/** Who is meant. */
export interface Subject {
  /** `User`, `Group` or `ServiceAccount`. */
  readonly kind: 'User' | 'Group' | 'ServiceAccount';
  /**
   * Group of the kind: `rbac.authorization.k8s.io` for users and groups, empty for service accounts. Filled in by the server.
   */
  readonly apiGroup?: string;
  /** Name of the user, group or service account. */
  readonly name: string;
  /** Namespace of a service account. */
  readonly namespace?: string;
}

/** Asks whether somebody may do something. */
export interface SubjectAccessReview {
  readonly apiVersion: 'authorization.k8s.io/v1';
  readonly kind: 'SubjectAccessReview';
  readonly metadata?: ObjectMeta;
  /** Who is to do what. */
  readonly spec: SubjectAccessReviewSpec;
  /** The answer. */
  readonly status?: SubjectAccessReviewStatus;
}

/** Who asks to do what: `resourceAttributes` or `nonResourceAttributes`, and user or groups. */
export interface SubjectAccessReviewSpec {
  /** A request for a resource. */
  readonly resourceAttributes?: ResourceAttributes;
  /** A request for a path that is no resource. */
  readonly nonResourceAttributes?: NonResourceAttributes;
  /** Name of the user. */
  readonly user?: string;
  /** Groups of the user. */
  readonly groups?: readonly string[];
  /** What else the authenticator said about the user. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
  /** Id of the user. */
  readonly uid?: string;
}

/** The answer. */
export interface SubjectAccessReviewStatus {
  /** Whether it is allowed. */
  readonly allowed: boolean;
  /** Why, in a sentence. */
  readonly reason?: string;
  /** What went wrong on the way; the answer may hold all the same. */
  readonly evaluationError?: string;
  /** True when it was denied outright, rather than by nobody's allowing it. */
  readonly denied?: boolean;
}

/** The answer. */
export interface SubjectRulesReviewStatus {
  /** What is allowed on resources. */
  readonly resourceRules?: readonly ResourceRule[];
  /** What is allowed on paths that are no resources. */
  readonly nonResourceRules?: readonly NonResourceRule[];
  /** True when there may be more than is told here. */
  readonly incomplete: boolean;
  /** What went wrong on the way. */
  readonly evaluationError?: string;
}

/** A kernel parameter. */
export interface Sysctl {
  /** Its name: `net.core.somaxconn`. */
  readonly name: string;
  /** Its value, as text. */
  readonly value: string;
}

/** Opens a TCP connection; getting one is success. */
export interface TCPSocketAction {
  /** Port, as a number or the name of a container port. */
  readonly port: number | string;
  /** Host to connect to; the pod's address when absent. */
  readonly host?: string;
}

/** Keeps pods without a matching toleration away from a node. */
export interface Taint {
  /** Key of the taint. */
  readonly key: string;
  /** Its value. */
  readonly value?: string;
  /**
   * `NoSchedule` takes no new pods, `PreferNoSchedule` rather takes none, `NoExecute` also removes those that are there.
   */
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
  /** When a `NoExecute` taint was added. */
  readonly timeAdded?: string;
}

/** Asks for a token of a service account. */
export interface TokenRequest {
  readonly apiVersion: 'authentication.k8s.io/v1';
  readonly kind: 'TokenRequest';
  readonly metadata?: ObjectMeta;
  /** The token that is wanted. */
  readonly spec: TokenRequestSpec;
  /** The token. */
  readonly status?: TokenRequestStatus;
}

/** The token that is wanted. */
export interface TokenRequestSpec {
  /** Whom it is for; the API server when empty. */
  readonly audiences?: readonly string[];
  /** The token is valid only as long as this object exists. */
  readonly boundObjectRef?: BoundObjectReference;
  /** Seconds it should be valid; default 3600, at least 600. */
  readonly expirationSeconds?: number;
}

/** The token. */
export interface TokenRequestStatus {
  /** The token itself. */
  readonly token?: string;
  /** When it ends. */
  readonly expirationTimestamp?: string;
}

/** Asks whose token it is. */
export interface TokenReview {
  readonly apiVersion: 'authentication.k8s.io/v1';
  readonly kind: 'TokenReview';
  readonly metadata?: ObjectMeta;
  /** The token. */
  readonly spec: TokenReviewSpec;
  /** The answer. */
  readonly status?: TokenReviewStatus;
}

/** The token. */
export interface TokenReviewSpec {
  /** The token as it stands after `Bearer`. */
  readonly token?: string;
  /** Whom the token should be for; the API server when absent. */
  readonly audiences?: readonly string[];
}

/** The answer. */
export interface TokenReviewStatus {
  /** Whether the token is good. */
  readonly authenticated?: boolean;
  /** Whose it is. */
  readonly user?: UserInfo;
  /** Why it could not be checked. */
  readonly error?: string;
  /** Which of the audiences it is for. */
  readonly audiences?: readonly string[];
}

/** Lets a pod onto nodes with a matching taint. */
export interface Toleration {
  /** Key of the taint; empty with `Exists` matches every taint. */
  readonly key?: string;
  /** `Equal` (default) compares `value` too; `Exists` asks only for the key. */
  readonly operator?: '' | 'Exists' | 'Equal';
  /** Value of the taint, with `Equal`. */
  readonly value?: string;
  /** Effect of the taint: `NoSchedule`, `PreferNoSchedule`, `NoExecute`; empty matches all. */
  readonly effect?: '' | 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
  /** With `NoExecute`, seconds the pod may stay after the taint appears; for ever when absent. */
  readonly tolerationSeconds?: number;
}

/** One processor as the kernel counts them. */
export interface TopologyCore {
  /** Its number. */
  readonly id: number;
  /** Number of the package that it is in. */
  readonly socket?: number;
  /** Number of the NUMA node that it is nearest to. */
  readonly numaNode?: number;
  /**
   * Processors that are threads of the same core, with itself, `0,12`; absent when it is alone.
   */
  readonly siblings?: string;
  /** Its model, `Intel(R) Xeon(R) Gold 6248`. */
  readonly model?: string;
}

/** One disk for Volumes. */
export interface TopologyDisk {
  /** Its name. */
  readonly name: string;
  /** Its class, which Volumes ask for. */
  readonly class?: string;
  /** Directory in which Volumes lie. */
  readonly path?: string;
  /** How much of it is given away. */
  readonly capacity?: number | string;
  /** Reads a second that are given away; absent = not counted. */
  readonly readIOPS?: number;
  /** Writes a second that are given away; absent = not counted. */
  readonly writeIOPS?: number;
  /** Bytes a second read that are given away; absent = not counted. */
  readonly readBPS?: number | string;
  /** Bytes a second written that are given away; absent = not counted. */
  readonly writeBPS?: number | string;
  /** Number of its block device, `8:1`. */
  readonly device?: string;
  /** Model of the hardware; absent where the kernel does not tell. */
  readonly model?: string;
  /** Whether it turns; absent where the kernel does not tell. */
  readonly rotational?: boolean;
  /** The last one that was asked for. */
  readonly measurement?: DiskMeasurement;
  /** What it can do, by the last measurement that came to an end. */
  readonly measured?: DiskMeasured;
}

/** One GPU. It keeps its number as long as the node's data directory lasts. */
export interface TopologyGpu {
  /** Its number on this node. */
  readonly number: number;
  /** `nvidia` or `amd`. */
  readonly vendor?: string;
  /** As pods ask for it, `T4`. */
  readonly model?: string;
  /** Where it is plugged in, `0000:17:00.0`. */
  readonly address?: string;
  /** What its maker calls it, wherever it is plugged in; absent where the driver does not tell. */
  readonly uuid?: string;
  /** How much it has of its own; absent where the driver does not tell. */
  readonly memory?: number | string;
  /** Number of the NUMA node that it is nearest to; absent where the machine does not tell. */
  readonly numaNode?: number;
}

/** Of one size. */
export interface TopologyHugepages {
  /** Of a page, `2Mi`. */
  readonly size: number | string;
  /** How many there are. */
  readonly total?: number;
}

/** One interface. */
export interface TopologyNic {
  /** Its name, `eth0`. */
  readonly name: string;
  /** Its hardware address. */
  readonly mac?: string;
  /** In Mbit/s; absent where the driver does not tell, or nothing is plugged in. */
  readonly speed?: number;
  /** Number of the NUMA node that it is nearest to; absent where the machine does not tell. */
  readonly numaNode?: number;
}

/** One memory, and what is near it. */
export interface TopologyNumaNode {
  /** Its number. */
  readonly id: number;
  /** Processors that are nearest to it, `0-11`. */
  readonly cores?: string;
  /** How much it holds. */
  readonly memory?: number | string;
  /** Huge pages that are set aside there. */
  readonly hugepages?: readonly TopologyHugepages[];
  /** To each memory in order of their numbers, 10 to itself; as the firmware tells. */
  readonly distances?: readonly number[];
}

/** One runtime. */
export interface TopologyRuntime {
  /** `docker`, `systemd` or `libvirt`. */
  readonly name: string;
  /** Its version. */
  readonly version?: string;
  /** What cannot be asked of it. */
  readonly cannot?: readonly string[];
  /** Why it does not answer; absent when it does. */
  readonly message?: string;
}

/** How evenly matching pods are spread over places. */
export interface TopologySpreadConstraint {
  /** How many more pods one place may have than the emptiest one. */
  readonly maxSkew: number;
  /** Nodes with the same value of this label are one place. */
  readonly topologyKey: string;
  /** `DoNotSchedule` waits; `ScheduleAnyway` takes the least uneven place. */
  readonly whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway';
  /** The pods that are counted. */
  readonly labelSelector?: LabelSelector;
  /** If there are fewer places than this, the emptiest counts as having no pod. */
  readonly minDomains?: number;
  /**
   * Whether only nodes that the pod's selector and affinity allow are counted: `Honor` (default) or `Ignore`.
   */
  readonly nodeAffinityPolicy?: 'Honor' | 'Ignore';
  /**
   * Whether only nodes whose taints the pod tolerates are counted: `Honor` or `Ignore` (default).
   */
  readonly nodeTaintsPolicy?: 'Honor' | 'Ignore';
  /** Labels whose values are taken from the pod itself and added to the selector. */
  readonly matchLabelKeys?: readonly string[];
}

/** What does not fit the types of the resources; Berth does not fill it. */
export interface TypeChecking {
  /** One entry for each expression. */
  readonly expressionWarnings?: readonly ExpressionWarning[];
}

/** What the new volume is filled from. */
export interface TypedLocalObjectReference {
  /** Group of the object; the core group when absent. */
  readonly apiGroup?: string;
  /** Kind of the object. */
  readonly kind: string;
  /** Name of the object. */
  readonly name: string;
}

/** What the new volume is filled from, of any kind and namespace. */
export interface TypedObjectReference {
  /** Group of the object; the core group when absent. */
  readonly apiGroup?: string;
  /** Kind of the object. */
  readonly kind: string;
  /** Name of the object. */
  readonly name: string;
  /** Namespace of the object; the same one when absent. */
  readonly namespace?: string;
}

/** Who somebody is. */
export interface UserInfo {
  /** Name of the user; unique among all users. */
  readonly username?: string;
  /** Id of the user, where names can be reused. */
  readonly uid?: string;
  /** Groups of the user. */
  readonly groups?: readonly string[];
  /** What else the authenticator said. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** One virtual machine; Berth chooses its node, makes its disks and keeps it running. */
export interface VM {
  readonly apiVersion: 'berth.dev/v1';
  readonly kind: 'VM';
  readonly metadata: ObjectMeta;
  /** What the machine is made of. */
  readonly spec: VMSpec;
  /** What the node found. */
  readonly status?: VMStatus;
}

/** A kernel to boot; absent = from the first disk. */
export interface VMBoot {
  /** Path of the kernel on the node. */
  readonly kernel: string;
  /** Path of its initial file system on the node. */
  readonly initrd?: string;
  /** What the kernel is told. */
  readonly commandLine?: string;
}

/** What the guest's processors look like. */
export interface VMCPU {
  /**
   * `Shared` (default), or `Bound`: it gets cores of the node that nobody else runs on, as many as `requests.cpu` says, fractions too.
   */
  readonly binding?: 'Shared' | 'Bound';
  /**
   * As libvirt names it (`Haswell`, `host-passthrough`). Default: the machine's own with KVM, a plain one without.
   */
  readonly model?: string;
  /** Up to how many CPUs can be added while it runs; default as many as it has. */
  readonly max?: number;
  /** How many sockets the CPUs are shown in; together with `cores` and `threads`. */
  readonly sockets?: number;
  /** Cores of each socket. */
  readonly cores?: number;
  /** Threads of each core. */
  readonly threads?: number;
}

/** What cloud-init in the guest finds (NoCloud), on a small disk of its own. */
export interface VMCloudInit {
  /** Its user data, like `#cloud-config` and what follows. */
  readonly userData?: string;
  /** Its network configuration; default what `interfaces` say. */
  readonly networkData?: string;
}

/** One disk. */
export interface VMDisk {
  /** Its name within the machine. */
  readonly name: string;
  /** How large it is; at least as large as `image`. Default as the image; required without one. */
  readonly size?: number | string;
  /** What it holds at first; nothing when absent. The image itself is never written to. */
  readonly image?: VMImage;
  /**
   * Name of a Volume of this namespace that is the disk, instead of `size` and `image`. The machine goes to the node where it lies, and waits while another holds it.
   */
  readonly volume?: string;
  /**
   * Of an adopted machine: the file or device of its node that the disk is, instead of `size` and `image`. It is not Berth's: it is kept when the VM is deleted. It cannot be added or changed.
   */
  readonly path?: string;
  /** Whether the guest may not write to it. */
  readonly readOnly?: boolean;
  /** What the guest may do with it in a second; unlimited when absent. */
  readonly limits?: VMDiskLimits;
}

/** What the guest may do with it in a second; unlimited when absent. */
export interface VMDiskLimits {
  /** Reads. */
  readonly readIOPS?: number;
  /** Writes. */
  readonly writeIOPS?: number;
  /** Bytes read. */
  readonly readBandwidth?: number | string;
  /** Bytes written. */
  readonly writeBandwidth?: number | string;
}

/** What it holds at first; nothing when absent. The image itself is never written to. */
export interface VMImage {
  /** A file of the node. */
  readonly path?: string;
  /** Where it is fetched from, once for each node (https or http). */
  readonly url?: string;
  /** `sha256:<hex>` or `sha512:<hex>`; required with `url`. */
  readonly checksum?: string;
}

/** One interface. */
export interface VMInterface {
  /**
   * The IPPool that its address is of; in place of `bridge`, `address`, `gateway` and `mac`. Without `reservation` an IPReservation is made, named as the machine, or `<machine>-<n>` for the interfaces after the first; it goes with the machine.
   */
  readonly pool?: string;
  /** The IPReservation of this namespace whose address it has. */
  readonly reservation?: string;
  /** Bridge of the node that it is attached to; default `berth-nat0`, which is the node's own. */
  readonly bridge?: string;
  /**
   * The network by CNI that it is attached to, as its configuration on the node is called; in place of `pool`, `reservation`, `bridge` and `gateway`. `address` and `mac` are asked of the network then, which needs plugins with the capabilities `ips` and `mac`.
   */
  readonly network?: string;
  /**
   * Its address, as `10.99.0.101/24`, told to the guest by cloud-init; the MAC is made of it. Absent: the guest asks for one itself, or has the one that its network gives.
   */
  readonly address?: string;
  /** Where it finds the rest of the world. */
  readonly gateway?: string;
  /** Its MAC address; default one made of its address, or of the machine's uid. */
  readonly mac?: string;
}

/** More about its memory. */
export interface VMMemory {
  /** Up to how much memory can be given while it runs; default as much as it has. */
  readonly max?: number | string;
  /** Size of the pages that it is backed by (`2Mi`, `1Gi`), which the node must have set aside. */
  readonly hugepages?: number | string;
}

/**
 * What a virtual machine was at one time: its disks, and its memory where it ran. It lies in the machine's own disks and goes with them; deleting it frees their room.
 */
export interface VMSnapshot {
  readonly apiVersion: 'berth.dev/v1';
  readonly kind: 'VMSnapshot';
  readonly metadata: ObjectMeta;
  /** Of which machine; taken once, and never again. */
  readonly spec: VMSnapshotSpec;
  /** How far it is. */
  readonly status?: VMSnapshotStatus;
}

/** Of which machine; taken once, and never again. */
export interface VMSnapshotSpec {
  /** Name of a VM of the same namespace; may not be changed. */
  readonly vm: string;
}

/** How far it is. */
export interface VMSnapshotStatus {
  /** The generation that this was written for. */
  readonly observedGeneration?: number;
  /** `Pending` until it is taken, `Ready`, or `Failed` when its machine is gone. */
  readonly phase?: string;
  /** Why it is not taken yet, or not any more. */
  readonly message?: string;
  /** Whether one can go back to it. */
  readonly readyToUse?: boolean;
  /** When it was taken. */
  readonly creationTime?: string;
  /** Whether the guest's memory is kept; it is where the guest ran. */
  readonly memory?: boolean;
  /** Whether the guest's agent held its file systems still meanwhile. */
  readonly frozen?: boolean;
  /** Of which machine, should another have its name by now. */
  readonly vmUID?: string;
  /** Ready. */
  readonly conditions?: readonly Condition[];
}

/** What the machine is made of. */
export interface VMSpec {
  /**
   * Default true. `false` shuts the guest down; node, disks and addresses are kept until it is true again.
   */
  readonly running?: boolean;
  /**
   * What `running: false` does: `Shutdown` (default), or `Save`: the guest's memory is written to disk, and it goes on from there when it shall run again.
   */
  readonly stopMode?: 'Shutdown' | 'Save';
  /**
   * Default false. `true` halts the guest where it is, with its memory kept, until it is false again.
   */
  readonly paused?: boolean;
  /**
   * Whether a guest that ends by itself is started again: `Always` (default), `OnFailure` when it was killed or crashed, `Never`.
   */
  readonly restartPolicy?: 'Always' | 'OnFailure' | 'Never';
  /**
   * Until it succeeds the other probes wait; a guest that does not come up in time is started anew. Commands are run by the guest's agent.
   */
  readonly startupProbe?: Probe;
  /**
   * Whether the guest does its work; shown as condition Ready. Without it a guest is ready when it runs.
   */
  readonly readinessProbe?: Probe;
  /** A guest that fails it is ended and started anew, as `restartPolicy` says. */
  readonly livenessProbe?: Probe;
  /**
   * CPU and memory. `requests.cpu` (rounded up) is the number of CPUs the guest sees, `requests.memory` its memory; `limits.cpu` bounds the time they may take in all.
   */
  readonly resources: ResourceRequirements;
  /** What the guest's processors look like. */
  readonly cpu?: VMCPU;
  /** More about its memory. */
  readonly memory?: VMMemory;
  /** A kernel to boot; absent = from the first disk. */
  readonly boot?: VMBoot;
  /** Its disks in order; the guest finds them as `/dev/disk/by-id/virtio-<name>` too. */
  readonly disks?: readonly VMDisk[];
  /** Its network interfaces in order. */
  readonly interfaces?: readonly VMInterface[];
  /** What cloud-init in the guest finds (NoCloud), on a small disk of its own. */
  readonly cloudInit?: VMCloudInit;
  /** Whether it has a screen, reached by VNC; default true. */
  readonly graphics?: boolean;
  /** How long the guest may take to shut down before the plug is pulled; default 60. */
  readonly terminationGracePeriodSeconds?: number;
  /** Labels that its node must have. */
  readonly nodeSelector?: Readonly<Record<string, string>>;
  /** Taints of nodes that it puts up with. */
  readonly tolerations?: readonly Toleration[];
  /** Rules that draw it to nodes, or to other VMs and pods, or keep it from them, as a pod's. */
  readonly affinity?: Affinity;
  /** How evenly VMs and pods with given labels are spread over zones, racks or nodes. */
  readonly topologySpreadConstraints?: readonly TopologySpreadConstraint[];
  /**
   * Name of the PriorityClass that gives `priority` and `preemptionPolicy`; default the class that is `globalDefault`, if there is one. It cannot be changed.
   */
  readonly priorityClassName?: string;
  /**
   * The higher, the earlier it is placed. Set by the server from `priorityClassName`; 0 without one.
   */
  readonly priority?: number;
  /**
   * Whether less important pods are removed to make room for it: `PreemptLowerPriority` or `Never`. Set by the server from `priorityClassName`.
   */
  readonly preemptionPolicy?: 'PreemptLowerPriority' | 'Never';
  /** The node that it is bound to; set by the scheduler, and never changed again. */
  readonly nodeName?: string;
  /** The devices that it was given; set by the scheduler. */
  readonly allocation?: Readonly<Record<string, unknown>>;
}

/** What the node found. */
export interface VMStatus {
  /** The generation that this was written for. */
  readonly observedGeneration?: number;
  /**
   * `Pending` without a node or while it is prepared, `Starting`, `Running`, `Paused` while it is halted, `Sleeping` by its own wish, `Stopping`, `Stopped` on purpose, `Saved` when its memory is kept on disk, `Failed` when it is not started again, `Succeeded` when it ended by itself and stays so.
   */
  readonly phase?: string;
  /** Why, in a word. */
  readonly reason?: string;
  /** Why, in a sentence. */
  readonly message?: string;
  /** Where the guest is reached. */
  readonly addresses?: readonly string[];
  /** Address of its node. */
  readonly hostIP?: string;
  /** When the node took it over. */
  readonly startTime?: string;
  /** What runs it, `libvirt://<uuid>/<start>`. */
  readonly domain?: string;
  /** How often it was started again. */
  readonly restarts?: number;
  /** The present start, as containers' states are told. */
  readonly state?: Readonly<Record<string, unknown>>;
  /** The start before. */
  readonly lastState?: Readonly<Record<string, unknown>>;
  /** A node where room is being made for it. */
  readonly nominatedNodeName?: string;
  /** Scheduled, Ready and others. */
  readonly conditions?: readonly Condition[];
}

/**
 * Rules in CEL over what is written. It does nothing until a ValidatingAdmissionPolicyBinding names it.
 */
export interface ValidatingAdmissionPolicy {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: 'ValidatingAdmissionPolicy';
  readonly metadata: ObjectMeta;
  /** What is judged, and how. */
  readonly spec: ValidatingAdmissionPolicySpec;
  /** What was seen of it. */
  readonly status?: ValidatingAdmissionPolicyStatus;
}

/**
 * Puts a ValidatingAdmissionPolicy in force, with parameters, for some or all of what it is about.
 */
export interface ValidatingAdmissionPolicyBinding {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: 'ValidatingAdmissionPolicyBinding';
  readonly metadata: ObjectMeta;
  /** Which policy, where, with what parameters, and what follows. */
  readonly spec: ValidatingAdmissionPolicyBindingSpec;
}

/** Which policy, where, with what parameters, and what follows. */
export interface ValidatingAdmissionPolicyBindingSpec {
  /** The policy. While there is none of this name, nothing is judged. */
  readonly policyName?: string;
  /** The objects that are `params`, each in turn; by name or by labels. */
  readonly paramRef?: ParamRef;
  /** Only these of the requests that the policy is about. */
  readonly matchResources?: MatchResources;
  /**
   * What follows where a rule does not hold: `Deny` refuses, `Warn` warns the client, `Audit` adds it to the audit event.
   */
  readonly validationActions?: readonly string[];
}

/** What is judged, and how. */
export interface ValidatingAdmissionPolicySpec {
  /** The kind of the objects that bindings give to the expressions as `params`. */
  readonly paramKind?: ParamKind;
  /** Which requests are judged. */
  readonly matchConstraints?: MatchResources;
  /** What must hold of each request. */
  readonly validations?: readonly Validation[];
  /**
   * What happens when an expression fails or its parameters are missing: `Fail` (default) refuses, `Ignore` goes on.
   */
  readonly failurePolicy?: string;
  /** What is added to the audit event of the request. */
  readonly auditAnnotations?: readonly AuditAnnotation[];
  /** Expressions that must all be true for a request to be judged; at most 64. */
  readonly matchConditions?: readonly MatchCondition[];
  /**
   * Values that later expressions see as `variables.<name>`; worked out when they are first used.
   */
  readonly variables?: readonly Variable[];
}

/** What was seen of it. */
export interface ValidatingAdmissionPolicyStatus {
  /** The `metadata.generation` that this status tells about. */
  readonly observedGeneration?: number;
  /** What does not fit the types of the resources; Berth does not fill it. */
  readonly typeChecking?: TypeChecking;
  /** What somebody found out about it. */
  readonly conditions?: readonly Condition[];
}

/** One server, and what it is asked about. */
export interface ValidatingWebhook {
  /** A full name, unique in this list, with at least three parts: `images.policy.example.com`. */
  readonly name?: string;
  /** How the webhook is reached. Exactly one of `url` and `service`. */
  readonly clientConfig?: WebhookClientConfig;
  /** What it is asked about; a request that fits one rule is enough. */
  readonly rules?: readonly RuleWithOperations[];
  /**
   * What happens to a request when the webhook cannot be asked or answers badly: `Fail` (default) refuses it, `Ignore` goes on without it.
   */
  readonly failurePolicy?: string;
  /**
   * `Equivalent` (default): a rule for one version of a kind also catches requests to its others, and the webhook gets the object in the version it asked for. `Exact`: only what the rule says.
   */
  readonly matchPolicy?: string;
  /**
   * Only objects in namespaces with these labels; default all. What has no namespace always fits.
   */
  readonly namespaceSelector?: LabelSelector;
  /**
   * Only objects that have these labels, before or after the change; default all. Whoever may write an object may leave a label out.
   */
  readonly objectSelector?: LabelSelector;
  /**
   * Required. `None`: calling it changes nothing but the answer. `NoneOnDryRun`: that holds for requests with `dryRun`.
   */
  readonly sideEffects?: string;
  /** How long it may take, in seconds, 1 to 30; default 10. */
  readonly timeoutSeconds?: number;
  /**
   * Required. Versions of AdmissionReview it understands, best first. Berth speaks `v1` and `v1beta1`.
   */
  readonly admissionReviewVersions?: readonly string[];
  /** Expressions that must all be true for it to be called; at most 64. */
  readonly matchConditions?: readonly MatchCondition[];
}

/**
 * HTTPS servers that are asked about writes, at the end, and may refuse them. All that fit are asked at the same time.
 */
export interface ValidatingWebhookConfiguration {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: 'ValidatingWebhookConfiguration';
  readonly metadata: ObjectMeta;
  /** The webhooks, and what each is asked about. */
  readonly webhooks?: readonly ValidatingWebhook[];
}

/** One rule. */
export interface Validation {
  /**
   * True when all is well. Sees `object`, `oldObject`, `request`, `params`, `namespaceObject` and `variables`: `object.spec.replicas <= params.maxReplicas`.
   */
  readonly expression: string;
  /** What who is refused is told. By default the expression. */
  readonly message?: string;
  /** `Invalid` (default, 422), `Forbidden`, `Unauthorized` or `RequestEntityTooLarge`. */
  readonly reason?: string;
  /** An expression that makes the message; `message` when it fails. */
  readonly messageExpression?: string;
}

/** One value. */
export interface Variable {
  /** An identifier of CEL. */
  readonly name: string;
  /** What it is; sees the variables before it. */
  readonly expression: string;
}

/**
 * A piece of a node's disk with a size and a share of its throughput. It follows no one: whoever uses it runs where it lies. One at a time uses it.
 */
export interface Volume {
  readonly apiVersion: 'berth.dev/v1';
  readonly kind: 'Volume';
  readonly metadata: ObjectMeta;
  /** What is asked of a disk. */
  readonly spec: VolumeSpec;
  /** What the node found. */
  readonly status?: VolumeStatus;
}

/** What it was given there. Set by the scheduler. */
export interface VolumeAllocation {
  /** Name of the node's disk. */
  readonly disk?: string;
}

/** One Volume for each instance. */
export interface VolumeClaimTemplate {
  /** Name, labels and annotations. */
  readonly metadata: VolumeClaimTemplateMeta;
  /** What is asked of a disk. */
  readonly spec: VolumeSpec;
}

/** Name, labels and annotations. */
export interface VolumeClaimTemplateMeta {
  /** Its name within the workload, which `volumeMounts` say. */
  readonly name: string;
  /** Labels of the Volumes, besides the workload's own. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Annotations of the Volumes. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Where a volume appears as a block device. */
export interface VolumeDevice {
  /**
   * Name of one of the pod's `volumes`, which is a `persistentVolumeClaim` of a Volume of mode `Block`.
   */
  readonly name: string;
  /** Absolute path of the device inside the container, `/dev/data`; it is made there. */
  readonly devicePath: string;
}

/**
 * The only instance that may use it at present. Given when that is bound to its node, taken when that is gone or has ended for good.
 */
export interface VolumeHolder {
  /** `Pod` or `VM`. */
  readonly kind: string;
  /** Its name, in the same namespace. */
  readonly name: string;
  /** Its uid. */
  readonly uid: string;
}

/** Where a volume appears inside a container. */
export interface VolumeMount {
  /** Name of one of the pod's `volumes`. */
  readonly name: string;
  /** True mounts it for reading only; default false. */
  readonly readOnly?: boolean;
  /** Where it appears inside the container: `/data`. */
  readonly mountPath: string;
  /** A directory or file of the volume to show in place of all of it. */
  readonly subPath?: string;
  /**
   * Whether later mounts pass between machine and container: `None`, `HostToContainer` or `Bidirectional`. Kept, and not acted on yet.
   */
  readonly mountPropagation?: 'None' | 'HostToContainer' | 'Bidirectional';
  /** Like `subPath`, with `$(NAME)` for environment variables. Kept, and not acted on yet. */
  readonly subPathExpr?: string;
  /**
   * With `readOnly`, whether mounts below it are for reading only too: `Disabled`, `IfPossible` or `Enabled`. Kept, and not acted on yet.
   */
  readonly recursiveReadOnly?: 'Disabled' | 'IfPossible' | 'Enabled';
}

/** How one volume was really mounted. */
export interface VolumeMountStatus {
  /** Name of the volume mount. */
  readonly name: string;
  /** Where it is mounted. */
  readonly mountPath: string;
  /** Whether it is mounted for reading only. */
  readonly readOnly?: boolean;
  /** Whether mounts below it are for reading only too: `Disabled`, `IfPossible` or `Enabled`. */
  readonly recursiveReadOnly?: string;
}

/** One source: exactly one of these. */
export interface VolumeProjection {
  /** Keys of a Secret. */
  readonly secret?: SecretProjection;
  /** Fields of the pod. */
  readonly downwardAPI?: DownwardAPIProjection;
  /** Keys of a ConfigMap. */
  readonly configMap?: ConfigMapProjection;
  /** A token of the pod's service account. */
  readonly serviceAccountToken?: ServiceAccountTokenProjection;
  /** Certificates of authorities. */
  readonly clusterTrustBundle?: ClusterTrustBundleProjection;
}

/** The size. */
export interface VolumeResourceRequirements {
  /** The most: `{storage: 20Gi}`. */
  readonly limits?: Readonly<Record<string, number | string>>;
  /** The least: `{storage: 10Gi}`. */
  readonly requests?: Readonly<Record<string, number | string>>;
}

/**
 * What a Volume held at one time. It lies beside the Volume on its disk and takes the Volume's whole size there; it outlives the Volume. A new Volume is made from it by `source.snapshot`.
 */
export interface VolumeSnapshot {
  readonly apiVersion: 'berth.dev/v1';
  readonly kind: 'VolumeSnapshot';
  readonly metadata: ObjectMeta;
  /** Of which Volume; taken once, and never again. */
  readonly spec: VolumeSnapshotSpec;
  /** How far it is. */
  readonly status?: VolumeSnapshotStatus;
}

/** What it was given there. Set together with `nodeName`. */
export interface VolumeSnapshotAllocation {
  /** Name of the node's disk, the Volume's. */
  readonly disk?: string;
  /** What it takes of that disk; the Volume's size. */
  readonly size?: number | string;
  /** Of which Volume, should another have its name by now. */
  readonly volumeUID?: string;
}

/** Of which Volume; taken once, and never again. */
export interface VolumeSnapshotSpec {
  /** Name of a Volume of the same namespace; may not be changed. */
  readonly volume: string;
  /** The Volume's node when it was taken. Set by the controller of snapshots; never changed. */
  readonly nodeName?: string;
  /** What it was given there. Set together with `nodeName`. */
  readonly allocation?: VolumeSnapshotAllocation;
}

/** How far it is. */
export interface VolumeSnapshotStatus {
  /** The generation that this was written for. */
  readonly observedGeneration?: number;
  /**
   * `Pending` until it is taken, `Ready`, or `Failed` when there is nothing to take it of any more, or when it was lost.
   */
  readonly phase?: string;
  /** Why it is not taken yet, or not there any more. */
  readonly message?: string;
  /** Whether a Volume can be made from it. */
  readonly readyToUse?: boolean;
  /** When it was taken. */
  readonly creationTime?: string;
  /** The least size of a Volume that is made from it. */
  readonly restoreSize?: number | string;
  /**
   * Whether whoever wrote to the Volume was held still meanwhile, with its file system in order. False: as after a power cut.
   */
  readonly frozen?: boolean;
  /** Where the node has it. */
  readonly path?: string;
  /** `Ready`, with the reason when it is not. */
  readonly conditions?: readonly Condition[];
}

/** What it holds at first; nothing when absent. At most one of them. Cannot be changed. */
export interface VolumeSource {
  /** Name of a Volume of this namespace that it becomes a copy of; both lie on the same node. */
  readonly volume?: string;
  /**
   * Name of a VolumeSnapshot of this namespace that it is made from; it lies on the node of that.
   */
  readonly snapshot?: string;
  /** The uid of a deleted Volume whose data were kept; this one takes them up, where they lie. */
  readonly retained?: string;
}

/** What is asked of a disk. */
export interface VolumeSpec {
  /**
   * Which disks of the nodes will do, by the class that `berth agent --disk` gave them; default `local`. Cannot be changed.
   */
  readonly class?: string;
  /**
   * How much it holds, `10Gi`; a hard bound: the writer who needs more gets ENOSPC. May grow at any time, also in use; never shrinks.
   */
  readonly size: number | string;
  /**
   * `Filesystem` (default): mounted as a directory. `Block`: given as a device without anything on it. Cannot be changed.
   */
  readonly volumeMode?: 'Filesystem' | 'Block';
  /**
   * What it is formatted with before its first use, `ext4` (default) or `xfs`; without meaning for mode `Block`. Cannot be changed.
   */
  readonly fsType?: 'ext4' | 'xfs';
  /** What is set aside for it on its disk; disks that have less left are not chosen. */
  readonly requests?: DiskRates;
  /**
   * The most that its users may do in a second, enforced by the kernel of the node. Default: each as `requests`, unlimited where that says nothing.
   */
  readonly limits?: DiskRates;
  /**
   * True asks for a disk that no other Volume lies on, and none will as long as this one exists. Default false. Cannot be changed.
   */
  readonly exclusive?: boolean;
  /**
   * What becomes of the data when the Volume is deleted: `Retain` (default) leaves them on the node's disk, where a new Volume can take them up (`source.retained`); `Delete` wipes them.
   */
  readonly reclaimPolicy?: 'Retain' | 'Delete';
  /** What it holds at first; nothing when absent. At most one of them. Cannot be changed. */
  readonly source?: VolumeSource;
  /**
   * The node whose disk it lies on. Set by the scheduler, together with its first user's; never changed again.
   */
  readonly nodeName?: string;
  /** What it was given there. Set by the scheduler. */
  readonly allocation?: VolumeAllocation;
}

/** What the node found. */
export interface VolumeStatus {
  /** The generation that this was written for. */
  readonly observedGeneration?: number;
  /**
   * `Pending` without a node or while it is made, `Ready`, `Failed` when the node cannot make it, `Released` when it is deleted and its data are being wiped or let go.
   */
  readonly phase?: string;
  /** How much it holds by now; less than `spec.size` until it has grown. */
  readonly capacity?: number | string;
  /** Where the node has it. */
  readonly path?: string;
  /**
   * The only instance that may use it at present. Given when that is bound to its node, taken when that is gone or has ended for good.
   */
  readonly holder?: VolumeHolder;
  /** `Ready`, with the reason when it is not. */
  readonly conditions?: readonly Condition[];
}

/** A virtual disk of vSphere. Kept, and not acted on yet. */
export interface VsphereVirtualDiskVolumeSource {
  /** Path of the disk. */
  readonly volumePath: string;
  /** File system of the volume: `ext4`. */
  readonly fsType?: string;
  /** Name of the storage policy. */
  readonly storagePolicyName?: string;
  /** Id of the storage policy. */
  readonly storagePolicyID?: string;
}

/** How the webhook is reached. Exactly one of `url` and `service`. */
export interface WebhookClientConfig {
  /**
   * Where it listens: `https://host:port/path`, without query or user. The server's own machine must be able to reach it.
   */
  readonly url?: string;
  /**
   * A Service of the cluster. Berth has no Services: such a webhook cannot be called, and its `failurePolicy` decides. Use `url`.
   */
  readonly service?: ServiceReference;
  /**
   * Certificates to trust when calling it, as PEM in base64; those of the server's machine when absent.
   */
  readonly caBundle?: string;
}

/** The service to ask. */
export interface WebhookConversion {
  /** How to reach it. */
  readonly clientConfig?: WebhookClientConfig;
  /** Versions of ConversionReview it understands, best first. */
  readonly conversionReviewVersions: readonly string[];
}

/** A wish with its weight. */
export interface WeightedPodAffinityTerm {
  /** How much it counts, 1 to 100. */
  readonly weight: number;
  /** The pods that are meant. */
  readonly podAffinityTerm: PodAffinityTerm;
}

/** Why an instance is where it is, or what stands in its way. */
export interface Why {
  readonly apiVersion: 'berth.dev/v1';
  readonly kind: 'Why';
  readonly metadata?: ObjectMeta;
  /**
   * `Pending` has no node and would get none now, `Placeable` has none yet and would get one now, `Bound` has one, `Stopped` has one and is stopped, `Finished` has ended, `Deleting` is on its way out, `Foreign` is left to another scheduler. Of a Workload: the state of its instances that most stands in the way.
   */
  readonly state?: string;
  /** The same in one line. */
  readonly message?: string;
  /** The node that it has, or would get now. */
  readonly node?: string;
  /** How nodes are compared. */
  readonly strategy?: string;
  /** How many nodes there are. */
  readonly nodes?: number;
  /**
   * The nodes that refuse it, in classes of those that refuse for the same reasons; the largest class first.
   */
  readonly classes?: readonly WhyClass[];
  /**
   * The nodes that could take it, best first, at most 6: the one that it has or would get, and the runners-up. Of a bound instance as if it were decided now, and itself were not there.
   */
  readonly candidates?: readonly WhyCandidate[];
  /** How many nodes could take it. */
  readonly candidateNodes?: number;
  /**
   * Of a bound instance, the place of its node among these; absent where it would not fit there now.
   */
  readonly rank?: number;
  /** What an instance waits for that no node can give, such as a workload or a container. */
  readonly waitsFor?: readonly WhyWait[];
  /** Of a Workload, its instances; those that are not placed first, at most 50. */
  readonly instances?: readonly WhyInstance[];
}

/** A node that could take the instance. */
export interface WhyCandidate {
  /** Its name. */
  readonly node?: string;
  /**
   * From 100 (best) downwards; comparable within one answer. Soft rules that are not met weigh most.
   */
  readonly score?: number;
  /** Instances of the same owner that it has already. */
  readonly instances?: number;
  /** The part of it that would be in use afterwards, in the mean of what is asked for: `62%`. */
  readonly used?: string;
}

/** Nodes that refuse for the same reasons. */
export interface WhyClass {
  /** How many they are. */
  readonly nodes?: number;
  /** The one of them that is nearest to taking it; amounts and changes are about this one. */
  readonly example?: string;
  /** All that stands in the way there; every one of them has to go. */
  readonly obstacles?: readonly WhyObstacle[];
}

/** One instance of a workload. */
export interface WhyInstance {
  /** Of the pod. */
  readonly name?: string;
  /** As above. */
  readonly state?: string;
  /** The node that it has. */
  readonly node?: string;
  /** Why it is so. */
  readonly message?: string;
}

/** One thing that stands in the way on a node. */
export interface WhyObstacle {
  /** Of what there is too little, such as `cpu`, `memory`, `gpu`; absent where a rule refuses. */
  readonly dimension?: string;
  /** The resource of that dimension, such as `example.com/fpga`. */
  readonly resource?: string;
  /** The rule that refuses, such as `taints`, `nodeSelector`. */
  readonly rule?: string;
  /** In Kubernetes' words, such as `Insufficient cpu`. */
  readonly reason?: string;
  /** How much is asked for, such as `4`, `2.5Gi`. */
  readonly asked?: string;
  /** How much is free on that node. */
  readonly free?: string;
  /** How much more would have to be free; the smallest amount that will do. */
  readonly missing?: string;
  /** The smallest changes that take it away; of a rule all of them are needed. */
  readonly changes?: readonly string[];
}

/** One thing that is waited for. */
export interface WhyWait {
  /** In one word. */
  readonly reason?: string;
  /** In a sentence. */
  readonly message?: string;
}

/** Settings for Windows. Kept, and not acted on yet. */
export interface WindowsSecurityContextOptions {
  /** Name of the GMSA credential spec. */
  readonly gmsaCredentialSpecName?: string;
  /** The GMSA credential spec itself. */
  readonly gmsaCredentialSpec?: string;
  /** User name the containers run as. */
  readonly runAsUserName?: string;
  /** True runs the containers as processes of the machine. */
  readonly hostProcess?: boolean;
}

/**
 * Keeps a number of equal instances of a pod template running on the nodes, and replaces them step by step when the template changes (type Service); or runs the template until it has succeeded often enough (Job), once or at set times (Cron).
 */
export interface Workload {
  readonly apiVersion: 'berth.dev/v1';
  readonly kind: 'Workload';
  readonly metadata: ObjectMeta;
  /** What should run. */
  readonly spec: WorkloadSpec;
  /** What was seen last; written by Berth. */
  readonly status?: WorkloadStatus;
}

/**
 * Gives every instance an address that it keeps, also when it is deleted and made anew. Needs identity Stable and type Service.
 */
export interface WorkloadAddresses {
  /**
   * The IPPool of the addresses. Each instance has an IPReservation of its own name, `web-0`; one that is there already is used as it is. Those that Berth made go with the workload.
   */
  readonly pool: string;
}

/**
 * Instances that are of use only together: none of them gets a node before enough of them can have one at the same time.
 */
export interface WorkloadGang {
  /** How many must fit at the same time; default all `replicas`. */
  readonly minMember?: number;
  /**
   * How long room is kept, and made, for a gang that does not fit; default 300. After that it is told with reason `GangTimeout`, and goes on waiting without holding anything.
   */
  readonly timeoutSeconds?: number;
}

/** How the instances are laid out over the nodes. */
export interface WorkloadPlacement {
  /**
   * How nodes are chosen. `replicas` instances in all: `Spread` (default) as evenly as possible, `Pack` on as few nodes as possible, `Global` where the machine is used least, `Drained` where least room is left, so that big nodes stay free. By node: `Fill` brings nodes up to `perNode` instances, `Each` puts `perNode` on each of `nodes` nodes.
   */
  readonly strategy?: 'Spread' | 'Fill' | 'Each' | 'Global' | 'Drained' | 'Pack';
  /** The most instances of this workload that one node may carry; unlimited when absent. */
  readonly maxPerNode?: number;
  /**
   * Label of nodes (`topology.kubernetes.io/zone`). Instances are laid out over its values first, each going where this workload has the fewest, then over the nodes by the strategy. Not with Each and Fill, which count by node.
   */
  readonly topologyKey?: string;
  /** With Each and Fill, the number of instances for one node. */
  readonly perNode?: number;
  /** With Each and Fill, how many nodes are used; all that fit when absent. */
  readonly nodes?: number;
  /**
   * Instances that are of use only together: none of them gets a node before enough of them can have one at the same time.
   */
  readonly gang?: WorkloadGang;
}

/** What should run. */
export interface WorkloadSpec {
  /**
   * `Service` (default): instances run for good and are replaced when they end. `Job`: each runs until it has succeeded, then the workload is complete. `Cron`: makes a workload of type Job at each time that `schedule` names. Cannot be changed later.
   */
  readonly type?: 'Service' | 'Job' | 'Cron';
  /**
   * How many instances there should be; default 1. Strategies Each and Fill count with `placement.perNode` instead. Of a Job: how many may run at a time.
   */
  readonly replicas?: number;
  /**
   * What runs the instances: `docker` (default) as containers, `systemd` as units of the machine's own systemd.
   */
  readonly runtime?: 'docker' | 'systemd';
  /**
   * `Ephemeral` (default): instances are alike, and a lost one is replaced by a new one with another name (`web-7d4f9-x2k5q`). `Stable`: instances are numbered (`web-0`, `web-1`), and each number keeps its name; there is never a second one of the same number. A Stable Job runs each number from 0 to `completions` - 1 until it has succeeded, and tells a run its number in JOB_COMPLETION_INDEX.
   */
  readonly identity?: 'Ephemeral' | 'Stable';
  /**
   * Default true. `false` stops every instance without deleting it: names, nodes and data are kept until it is true again. A Job is suspended: its running pods are deleted and not counted. A Cron makes no further Jobs.
   */
  readonly running?: boolean;
  /** How the instances are laid out over the nodes. */
  readonly placement?: WorkloadPlacement;
  /** How instances are replaced when the template changes. */
  readonly update?: WorkloadUpdate;
  /**
   * True holds the rollout where it is: no instance is replaced, and a changed template is not begun with, until it is false. Scaling and the replacement of lost instances go on, with the revision that was rolled out last.
   */
  readonly paused?: boolean;
  /**
   * How long a rollout may make no progress before it counts as failed; default 600. Then condition Progressing is False with reason ProgressDeadlineExceeded. Time while it is paused does not count.
   */
  readonly progressDeadlineSeconds?: number;
  /**
   * How many old revisions are kept for `berth rollout undo`, beside those in use; default 10. With 0 nothing can be undone.
   */
  readonly revisionHistoryLimit?: number;
  /** How long an instance must have been ready before it counts as available; default 0. */
  readonly minReadySeconds?: number;
  /**
   * Job and Cron: how many runs must succeed; default `replicas`, at least 1. Cannot be changed later.
   */
  readonly completions?: number;
  /**
   * Job and Cron: how many failed runs are made good for; with one more the Job fails. Default 6. With restartPolicy OnFailure, restarts of containers count. The first run after a failed one waits 10 s, and twice as long after each further one, up to 6 minutes.
   */
  readonly backoffLimit?: number;
  /**
   * Job and Cron: how long the Job may take in all; then its pods are deleted and it fails. Does not run while the Job is suspended.
   */
  readonly activeDeadlineSeconds?: number;
  /**
   * Job and Cron: how long after its end the Job is deleted, with its pods and their logs. Absent: it stays.
   */
  readonly ttlSecondsAfterFinished?: number;
  /**
   * Job and Cron, with restartPolicy Never: what a failed run means, by how it failed. The first rule that matches counts; where none does, the failure counts to `backoffLimit`.
   */
  readonly podFailurePolicy?: PodFailurePolicy;
  /**
   * Cron: when Jobs are made, as minute, hour, day of month, month and day of week (`* /15 8-18 * * MON-FRI`), or one of @hourly, @daily, @weekly, @monthly and @yearly.
   */
  readonly schedule?: string;
  /**
   * Cron: the time zone of `schedule`, like `Europe/Vienna`; default UTC. A time that a change of the clock skips is left out, one that it repeats comes twice.
   */
  readonly timeZone?: string;
  /**
   * Cron: what happens when it is time and the Job before still runs. `Allow` (default): both run. `Forbid`: the new one waits until the old one is finished. `Replace`: the old one is deleted.
   */
  readonly concurrencyPolicy?: 'Allow' | 'Forbid' | 'Replace';
  /**
   * Cron: how late a Job may be made; what is missed for longer is left out. Absent: however late, but only the last of several missed ones.
   */
  readonly startingDeadlineSeconds?: number;
  /** Cron: how many completed Jobs are kept, with their pods and logs; default 3. */
  readonly successfulJobsHistoryLimit?: number;
  /** Cron: how many failed Jobs are kept; default 1. */
  readonly failedJobsHistoryLimit?: number;
  /**
   * What must be there before the first pod is made. What has started stays when one of these is lost later. Workloads that are deleted together go in reverse order.
   */
  readonly dependsOn?: readonly Dependency[];
  /**
   * Gives every instance an address that it keeps, also when it is deleted and made anew. Needs identity Stable and type Service.
   */
  readonly addresses?: WorkloadAddresses;
  /**
   * Gives every instance Volumes of its own, made before it: `<template>-<pod>`, like `data-web-0`. A volume of the template's name is mounted as any other. They stay when there are fewer instances or the workload is deleted. Needs identity Stable and type Service. Of a template that is there, only the size (which grows the Volumes too), requests, limits and the reclaim policy may change; the latter hold for Volumes that are made from then on.
   */
  readonly volumeClaimTemplates?: readonly VolumeClaimTemplate[];
  /**
   * Which pods belong to this workload; must match the labels of the template. Cannot be changed later. A Job or Cron may leave it out.
   */
  readonly selector: LabelSelector;
  /** The pod of which the instances are made. */
  readonly template: PodTemplateSpec;
}

/** What was seen last; written by Berth. */
export interface WorkloadStatus {
  /** The `metadata.generation` that this status tells about. */
  readonly observedGeneration?: number;
  /**
   * How many instances there shall be: `spec.replicas`, or with Each, Fill and Global what the nodes of now make of `spec.placement`.
   */
  readonly desiredReplicas?: number;
  /** How many instances there are. */
  readonly replicas?: number;
  /** How many of them are ready. */
  readonly readyReplicas?: number;
  /** How many have been ready for `minReadySeconds`. */
  readonly availableReplicas?: number;
  /** How many are made of the present template. */
  readonly updatedReplicas?: number;
  /** The ControllerRevision that was rolled out completely last; absent until one was. */
  readonly currentRevision?: string;
  /** The ControllerRevision that is being rolled out, or was last. */
  readonly updateRevision?: string;
  /** How often the name for a new ControllerRevision was taken by another; part of its hash. */
  readonly collisionCount?: number;
  /** When the rollout last got further; `progressDeadlineSeconds` counts from here. */
  readonly lastProgressTime?: string;
  /**
   * The most instances of `updateRevision` that have been available at a time during its rollout: only more is progress.
   */
  readonly progressedReplicas?: number;
  /** `spec.selector` as text, for the scale subresource. */
  readonly selector?: string;
  /** How a Job or Cron is getting on, in a few words. */
  readonly summary?: string;
  /** Pods of a Job, or Jobs of a Cron, that have not finished. */
  readonly active?: number;
  /** Pods of a Job that are ready. */
  readonly ready?: number;
  /** Runs of a Job that ended well. */
  readonly succeeded?: number;
  /** Runs of a Job that failed. */
  readonly failed?: number;
  /** The numbers of a Stable Job that have succeeded: `0-3,7`. */
  readonly completedIndexes?: string;
  /** How the last failed run of a Job ended, in words. */
  readonly lastFailure?: string;
  /**
   * Bookkeeping: pods whose end is in `succeeded` and `failed` already and that are not yet marked so, by uid.
   */
  readonly countedPods?: readonly string[];
  /** When the Job began, or was last resumed. */
  readonly startTime?: string;
  /** When the Job was complete. */
  readonly completionTime?: string;
  /** The time in the schedule for which a Cron made its last Job. */
  readonly lastScheduleTime?: string;
  /** When a Job of a Cron was last completed. */
  readonly lastSuccessfulTime?: string;
  /** When a Cron will make its next Job. */
  readonly nextScheduleTime?: string;
  /**
   * `Available` (enough instances are available), `Progressing` (an update goes on) and `ReplicaFailure` (instances cannot be made). Of a Job `Complete`, `Failed` and `Suspended`. With `dependsOn`, `DependenciesMet`.
   */
  readonly conditions?: readonly Condition[];
}

/** How instances are replaced when the template changes. */
export interface WorkloadUpdate {
  /**
   * How many instances may be missing during an update: a number, or a percentage of `replicas`, rounded down. Default 25%, and at least 1 where `maxSurge` comes to 0.
   */
  readonly maxUnavailable?: number | string;
  /**
   * How many instances there may be above `replicas` during an update: a number, or a percentage of `replicas`, rounded up. Default 25%; taken as 0 with identity Stable.
   */
  readonly maxSurge?: number | string;
  /**
   * What happens when an update makes no progress for `progressDeadlineSeconds`. `Pause` (default): it stays where it is, and goes on if the new instances become available after all. `Undo`: the instances go back to the revision that was rolled out last; the failed one is not tried again until the template, or configuration that it names, changes.
   */
  readonly onFailure?: 'Pause' | 'Undo';
  /**
   * What a change of a ConfigMap or Secret that the template names does. `Rollout` (default): instances use immutable copies, made when their revision is rolled out, and a change is rolled out like one of the template. `Live`: instances use the objects themselves; files in volumes follow a change, nothing is replaced.
   */
  readonly config?: 'Rollout' | 'Live';
}
