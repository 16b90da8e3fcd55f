/**
 * What the admin operations ask for: the directory of buckets and keys, the cluster, the objects.
 *
 * Owns:          the three ports; no behaviour.
 * Knows:         the shapes of schemas/admin-types.ts.
 * Must not know: who implements them, tables, the bus, HTTP.
 *
 * Every method decides and changes in one step: a caller never reads, thinks and writes back, so
 * two operators at the same bucket cannot undo each other. What a caller must tell apart is in the
 * result; `AdminUnavailableError` is thrown when nobody could be asked.
 */
import type {
  AddAliasResult,
  ApplyLayoutResult,
  BucketAlias,
  BucketChange,
  BucketInfo,
  BucketUsage,
  ClusterHealth,
  ClusterStatus,
  CreateBucketResult,
  DeleteBucketResult,
  DeleteKeyResult,
  ImportedKey,
  ImportKeyResult,
  InspectedVersion,
  KeyChange,
  KeyInfo,
  LayoutHistory,
  LayoutParameters,
  LayoutView,
  NewBucket,
  NewKey,
  NodeAnswer,
  NodeInfo,
  NodeStatistics,
  PermissionChange,
  PermissionResult,
  PreviewLayoutResult,
  RemoveAliasResult,
  RoleChange,
  SkipDeadResult,
  StageLayoutResult,
  UpdateBucketResult,
  UpdateKeyResult,
} from '../../schemas/admin-types.ts';
import type { Repair, WorkerVariables, WorkerView } from '../../schemas/node-work.ts';

/** Buckets, their names, access keys, and who may do what. */
export interface Directory {
  /** All buckets, ordered by id. */
  listBuckets(): Promise<readonly BucketInfo[]>;
  /** By complete id (64 hex digits; anything else is undefined). */
  bucket(bucketId: string): Promise<BucketInfo | undefined>;
  /** By its name for everyone. */
  bucketByGlobalAlias(name: string): Promise<BucketInfo | undefined>;
  /** Draws the id. Names were checked by the caller. Neither alias given: reachable by id alone. */
  createBucket(request: NewBucket): Promise<CreateBucketResult>;
  updateBucket(bucketId: string, change: BucketChange): Promise<UpdateBucketResult>;
  /** Refuses while the bucket holds an object or an unfinished upload; takes all its names and
   *  permissions with it. The same rule and step as S3's DeleteBucket. */
  deleteBucket(bucketId: string): Promise<DeleteBucketResult>;
  /** Sets or clears the named permissions of a key on a bucket. */
  changePermissions(change: PermissionChange): Promise<PermissionResult>;
  addAlias(bucketId: string, alias: BucketAlias): Promise<AddAliasResult>;
  removeAlias(bucketId: string, alias: BucketAlias): Promise<RemoveAliasResult>;

  /** All keys that were not deleted, ordered by id. */
  listKeys(): Promise<readonly KeyInfo[]>;
  /** By complete id; undefined when unknown or deleted. */
  key(accessKeyId: string): Promise<KeyInfo | undefined>;
  /** Draws id (`GK` and 24 hex digits) and secret (64 hex digits). */
  createKey(request: NewKey): Promise<KeyInfo>;
  importKey(request: ImportedKey): Promise<ImportKeyResult>;
  updateKey(accessKeyId: string, change: KeyChange): Promise<UpdateKeyResult>;
  /** Takes its permissions and local aliases with it. */
  deleteKey(accessKeyId: string): Promise<DeleteKeyResult>;
}

/** Ids are complete. */
export type NodeReplacement = {
  readonly old: string;
  readonly by: string;
  readonly allowMissingData: boolean;
};

/** Nodes and layout. */
export interface ClusterControl {
  /** The node that answers (64 hex digits). */
  readonly localNodeId: string;
  /** Nodes of the layout, staged ones and connected ones, ordered by id. */
  status(): Promise<ClusterStatus>;
  health(): Promise<ClusterHealth>;
  layout(): Promise<LayoutView>;
  layoutHistory(): Promise<LayoutHistory>;
  /** Adds to what is staged: a later change of the same node replaces the earlier one. A change
   *  back to what is current leaves nothing staged for that node. Ids are complete, shapes were
   *  checked. */
  stageLayout(change: {
    readonly roles: readonly RoleChange[];
    readonly parameters: LayoutParameters | undefined;
  }): Promise<StageLayoutResult>;
  /** What apply would do, without doing it. */
  previewLayout(): Promise<PreviewLayoutResult>;
  /** `version` must be the current one plus one. */
  applyLayout(version: number): Promise<ApplyLayoutResult>;
  /** Forgets what is staged. */
  revertLayout(): Promise<LayoutView>;
  /** Nodes that are dead are not waited for any more by the change that is under way. */
  skipDeadNodes(request: {
    readonly version: number;
    readonly allowMissingData: boolean;
  }): Promise<SkipDeadResult>;
  /** In force at once: `by` is to hold exactly what `old` held. */
  replaceNode(replacement: NodeReplacement): Promise<ApplyLayoutResult>;
  nodeInfo(nodeId: string): Promise<NodeAnswer<NodeInfo>>;
  nodeStatistics(nodeId: string): Promise<NodeAnswer<NodeStatistics>>;
  workers(nodeId: string): Promise<NodeAnswer<readonly WorkerView[]>>;
  workerVariables(nodeId: string): Promise<NodeAnswer<WorkerVariables>>;
  /** Answers all variables as they are then. */
  setWorkerVariable(
    nodeId: string,
    variable: string,
    value: string,
  ): Promise<NodeAnswer<WorkerVariables>>;
  launchRepair(nodeId: string, repair: Repair): Promise<NodeAnswer<null>>;
}

/** What is stored in buckets. */
export interface ObjectInspector {
  bucketUsage(bucketId: string): Promise<BucketUsage>;
  /** The stored versions of one object, oldest first; empty when there is none. */
  inspectObject(bucketId: string, objectKey: string): Promise<readonly InspectedVersion[]>;
  /** Aborts every upload (multipart or not) of the bucket that began at least `olderThanMs` ago;
   *  answers how many. */
  abortUploads(request: {
    readonly bucketId: string;
    readonly olderThanMs: number;
  }): Promise<number>;
}

/** Which domains are served, for proxies that get certificates. */
export interface DomainCheck {
  isServed(domain: string): Promise<boolean>;
}

/** What every admin operation is handed. */
export type AdminPorts = {
  readonly directory: Directory;
  readonly cluster: ClusterControl;
  readonly objects: ObjectInspector;
  readonly domains: DomainCheck;
  /** Milliseconds since 1970, for what has expired. */
  readonly nowMs: () => number;
  /** The region of the S3 door; stands in every error. */
  readonly region: string;
  /** Whether bucket names of the form `xn--…` are taken. */
  readonly punycode: 'allowed' | 'refused';
};
