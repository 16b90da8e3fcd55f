/**
 * The figures of this process in Prometheus' text format, under Garage's names.
 *
 * Owns:          the catalogue: name, type, labels and help of every metric.
 * Knows:         prom-client; it is its only importer.
 * Must not know: who counts; gauges are read from ports when the page is asked for.
 */
import { Gauge, Registry } from 'prom-client';
import type { ClusterHealth } from '../../schemas/admin-types.ts';
import { RequestFigures } from './request-figures.ts';

/** One request that a door answered. */
export type AnsweredRequest = {
  /** The S3 operation, the path of an admin operation, the method (and host) of a visit. */
  readonly endpoint: string;
  readonly status: number;
  readonly milliseconds: number;
};

/** A node of the layout. */
export type NodeGauge = {
  readonly id: string;
  readonly zone: string;
  /** Null: a gateway. */
  readonly capacityBytes: number | null;
  readonly isConnected: boolean;
  /** How long it was not heard; undefined: never, or it is connected. */
  readonly silentSecs: number | undefined;
};

export type NodeGauges = {
  readonly health: ClusterHealth;
  readonly nodes: readonly NodeGauge[];
  readonly dataAvailableBytes: number;
  readonly dataTotalBytes: number;
  readonly metadataAvailableBytes: number;
  readonly metadataTotalBytes: number;
  readonly blockBytesWritten: number;
  readonly blockBytesRead: number;
  readonly blocksRemoved: number;
  readonly blocksDamaged: number;
  readonly blocksToResync: number;
  readonly blocksWithResyncErrors: number;
  readonly storeReopenings: number;
  readonly storeCorrectedBits: number;
  readonly storeBrokenBlocks: number;
};

export type MetricsOptions = {
  readonly version: string;
  readonly replicationFactor: number;
  /** Read each time the page is asked for. */
  readonly gauges: () => Promise<NodeGauges>;
};

/** How much of a node's id is shown. */
const SHORT_ID = 16;

type Door = 's3' | 'admin' | 'web';

/** Visits are counted by method, and by host where the configuration says so. */
function websiteLabels(endpoint: string): Readonly<Record<string, string>> {
  const [method = '', host] = endpoint.split(' ');
  return host === undefined ? { method } : { method, host };
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #options: MetricsOptions;
  readonly #figures: Readonly<Record<Door, RequestFigures>> = {
    s3: new RequestFigures(),
    admin: new RequestFigures(),
    web: new RequestFigures(websiteLabels),
  };

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.#makeGauges();
  }

  #makeGauges(): void {
    const set = (name: string, help: string, labels: string[] = []): Gauge =>
      new Gauge({ name, help, labelNames: labels, registers: [this.#registry] });
    set('garage_build_info', 'The release that runs', ['version', 'rustversion']).set(
      { version: this.#options.version, rustversion: `node ${process.version}` },
      1,
    );
    set('garage_replication_factor', 'Copies of everything').set(this.#options.replicationFactor);
    const gauges = {
      cluster_healthy: 'Whether all storage nodes are up',
      cluster_available: 'Whether every partition has a quorum',
      cluster_known_nodes: 'Nodes that were seen',
      cluster_connected_nodes: 'Nodes that are up',
      cluster_storage_nodes: 'Nodes with a capacity in the layout',
      cluster_storage_nodes_ok: 'Those of them that are up',
      cluster_partitions: 'Partitions',
      cluster_partitions_quorum: 'Partitions with a quorum',
      cluster_partitions_all_ok: 'Partitions with all their replicas up',
      block_bytes_written: 'Bytes of blocks written',
      block_bytes_read: 'Bytes of blocks read',
      block_delete_counter: 'Block files removed',
      block_corruption_counter: 'Damaged block files met',
      block_resync_queue_length: 'Blocks that may have to be fetched from other nodes',
      block_resync_errored_blocks: 'Those of them that no other node has so far',
      store_reopenings: 'Times the metadata store was closed, opened and checked again',
      store_corrected_bits: 'Flipped bits in files of the metadata store that were put right',
      store_broken_blocks: 'Parts of the metadata store of which rows are lost',
    };
    for (const [name, help] of Object.entries(gauges)) set(name, help);
    const layoutLabels = ['id', 'role_zone', 'role_capacity', 'role_gateway'];
    set('cluster_layout_node_connected', 'Whether a node is up', layoutLabels);
    set(
      'cluster_layout_node_disconnected_time',
      'Seconds since a node that is down was heard',
      layoutLabels,
    );
    set('garage_local_disk_avail', 'Free bytes', ['volume']);
    set('garage_local_disk_total', 'Bytes of the file systems', ['volume']);
  }

  answered(door: Door, { endpoint, status, milliseconds }: AnsweredRequest): void {
    this.#figures[door].answered(endpoint, status, milliseconds);
  }

  /** Nodes that have left the layout are not shown any more. */
  #setNodes(nodes: readonly NodeGauge[]): void {
    const gauge = (name: string): Gauge => this.#registry.getSingleMetric(name) as Gauge;
    const connected = gauge('cluster_layout_node_connected');
    const silent = gauge('cluster_layout_node_disconnected_time');
    connected.reset();
    silent.reset();
    for (const { id, zone, capacityBytes, isConnected, silentSecs } of nodes) {
      const labels = {
        id: id.slice(0, SHORT_ID),
        role_zone: zone,
        role_capacity: String(capacityBytes ?? 0),
        role_gateway: capacityBytes === null ? '1' : '0',
      };
      connected.set(labels, isConnected ? 1 : 0);
      if (silentSecs !== undefined) silent.set(labels, silentSecs);
    }
  }

  async page(): Promise<string> {
    const gauges = await this.#options.gauges();
    const set = (name: string, value: number, labels: Record<string, string> = {}): void => {
      (this.#registry.getSingleMetric(name) as Gauge).set(labels, value);
    };
    const { health } = gauges;
    set('cluster_healthy', health.status === 'healthy' ? 1 : 0);
    set('cluster_available', health.status === 'unavailable' ? 0 : 1);
    set('cluster_known_nodes', health.knownNodes);
    set('cluster_connected_nodes', health.connectedNodes);
    set('cluster_storage_nodes', health.storageNodes);
    set('cluster_storage_nodes_ok', health.storageNodesUp);
    set('cluster_partitions', health.partitions);
    set('cluster_partitions_quorum', health.partitionsQuorum);
    set('cluster_partitions_all_ok', health.partitionsAllOk);
    this.#setNodes(gauges.nodes);
    set('block_bytes_written', gauges.blockBytesWritten);
    set('block_bytes_read', gauges.blockBytesRead);
    set('block_delete_counter', gauges.blocksRemoved);
    set('block_corruption_counter', gauges.blocksDamaged);
    set('block_resync_queue_length', gauges.blocksToResync);
    set('block_resync_errored_blocks', gauges.blocksWithResyncErrors);
    set('store_reopenings', gauges.storeReopenings);
    set('store_corrected_bits', gauges.storeCorrectedBits);
    set('store_broken_blocks', gauges.storeBrokenBlocks);
    set('garage_local_disk_avail', gauges.dataAvailableBytes, { volume: 'data' });
    set('garage_local_disk_avail', gauges.metadataAvailableBytes, { volume: 'metadata' });
    set('garage_local_disk_total', gauges.dataTotalBytes, { volume: 'data' });
    set('garage_local_disk_total', gauges.metadataTotalBytes, { volume: 'metadata' });
    const requests = [
      ...this.#figures.s3.lines('api_s3'),
      ...this.#figures.admin.lines('api_admin'),
      ...this.#figures.web.lines('web'),
    ];
    return `${requests.join('\n')}\n${await this.#registry.metrics()}`;
  }
}
