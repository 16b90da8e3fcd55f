/**
 * What one door answered: requests, refusals and durations for each operation.
 *
 * Owns:          the numbers, and their lines in Prometheus' text format.
 * Knows:         that format (Prometheus, "Exposition formats").
 * Must not know: doors, HTTP.
 *
 * Counted for every request, read once in a while: so a request costs one look-up and three
 * additions here, and the text is made when it is asked for.
 */

type Operation = {
  requests: number;
  seconds: number;
  readonly byStatus: Map<number, number>;
  /** How many requests ended within each bound and not within the one before. */
  readonly within: number[];
};

/** Garage's bounds: 1, 1.5, 2, 3, 5, 7 of each decade of seconds. */
const BOUNDS: readonly number[] = [0.001, 0.01, 0.1, 1, 10].flatMap(decade =>
  [1, 1.5, 2, 3, 5, 7].map(step => Number((decade * step).toPrecision(2))),
);
const REFUSED_FROM = 400;

type Labels = Readonly<Record<string, string>>;

export class RequestFigures {
  /** By operation: the names are those of the route tables. */
  readonly #operations = new Map<string, Operation>();
  readonly #labelsOf: (endpoint: string) => Labels;

  constructor(labelsOf = (endpoint: string): Labels => ({ api_endpoint: endpoint })) {
    this.#labelsOf = labelsOf;
  }

  answered(endpoint: string, status: number, milliseconds: number): void {
    const operation = this.#operations.get(endpoint) ?? this.#add(endpoint);
    const seconds = milliseconds / 1000;
    operation.requests += 1;
    operation.seconds += seconds;
    const bound = firstBound(seconds);
    operation.within[bound] = (operation.within[bound] ?? 0) + 1;
    if (status >= REFUSED_FROM) {
      operation.byStatus.set(status, (operation.byStatus.get(status) ?? 0) + 1);
    }
  }

  /** The three families of a door; `prefix` is `api_s3` and the like. */
  lines(prefix: string): string[] {
    const lines = head(`${prefix}_request_counter`, 'counter', 'Requests');
    for (const [endpoint, { requests }] of this.#operations) {
      lines.push(line(`${prefix}_request_counter`, this.#labelsOf(endpoint), requests));
    }
    const errors = `${prefix}_error_counter`;
    lines.push(...head(errors, 'counter', 'Requests that were refused or failed'));
    for (const [endpoint, { byStatus }] of this.#operations) {
      for (const [status, count] of byStatus) {
        const labels = { ...this.#labelsOf(endpoint), status_code: String(status) };
        lines.push(line(errors, labels, count));
      }
    }
    const durations = `${prefix}_request_duration`;
    const help = 'Seconds from the head of a request to the end of its answer';
    lines.push(...head(durations, 'histogram', help));
    for (const [endpoint, operation] of this.#operations) {
      lines.push(...histogram(durations, this.#labelsOf(endpoint), operation));
    }
    return lines;
  }

  #add(endpoint: string): Operation {
    const within = new Array<number>(BOUNDS.length + 1).fill(0);
    const operation: Operation = { requests: 0, seconds: 0, byStatus: new Map(), within };
    this.#operations.set(endpoint, operation);
    return operation;
  }
}

/** Which bound is the first that is not below; most requests end within the first ones. */
function firstBound(seconds: number): number {
  let index = 0;
  while (index < BOUNDS.length && seconds > (BOUNDS[index] ?? 0)) index += 1;
  return index;
}

function head(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function line(name: string, labels: Labels, value: number): string {
  const told = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}{${told.join(',')}} ${String(value)}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function histogram(name: string, labels: Labels, operation: Operation): string[] {
  const lines: string[] = [];
  let count = 0;
  operation.within.forEach((within, index) => {
    count += within;
    const le = index < BOUNDS.length ? String(BOUNDS[index]) : '+Inf';
    lines.push(line(`${name}_bucket`, { le, ...labels }, count));
  });
  lines.push(line(`${name}_sum`, labels, operation.seconds));
  lines.push(line(`${name}_count`, labels, operation.requests));
  return lines;
}
