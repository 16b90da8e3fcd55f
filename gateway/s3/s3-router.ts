/**
 * Finds the operation that a request asks for: method, place and sub-resource, nothing else.
 *
 * Owns:          the look-up, and what is answered when there is no operation, or more than one.
 * Knows:         the shape of the route table.
 * Must not know: which operations there are, who may ask for them.
 *
 * One parameter of the query at most selects an operation. Two of them are refused instead of
 * ranked: a client and a proxy that rank them differently would talk about different operations.
 */
import { assert } from '../../schemas/assert.ts';
import type { QueryParameters } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { Method, Operation, Place } from './s3-operation.ts';

/** By sub-resource (empty: none), then by method. */
type PlaceTable = Readonly<Record<string, Readonly<Partial<Record<string, Operation>>>>>;

export class S3Router {
  readonly #places: Readonly<Record<Place, PlaceTable>>;
  readonly #subresources: ReadonlySet<string>;

  constructor(operations: readonly Operation[]) {
    this.#places = {
      service: placeTable(operations, 'service'),
      bucket: placeTable(operations, 'bucket'),
      object: placeTable(operations, 'object'),
    };
    this.#subresources = new Set(operations.map(operation => operation.subresource ?? ''));
  }

  /**
   * @throws S3Error InvalidRequest for two sub-resources, or one that is not of this place;
   *   MethodNotAllowed with Allow; InvalidArgument for a parameter the operation does not take.
   */
  route(method: string, place: Place, query: QueryParameters): Operation {
    const table = this.#places[place];
    if (query.size === 0) return table['']?.[method] ?? notAllowed(table[''], method, place);
    const isPreflight = method === ('OPTIONS' satisfies Method);
    const subresource = isPreflight ? '' : this.#subresourceOf(query);
    const methods = table[subresource];
    if (methods === undefined) {
      throw new S3Error('InvalidRequest', {
        message: `The parameter ${subresource} does not apply to a ${place}.`,
      });
    }
    const operation = methods[method] ?? notAllowed(methods, method, place);
    checkParameters(operation, query);
    return operation;
  }

  #subresourceOf(query: QueryParameters): string {
    let found = '';
    for (const name of query.keys()) {
      if (name === '' || !this.#subresources.has(name)) continue;
      if (found !== '') {
        throw new S3Error('InvalidRequest', {
          message: `The parameters ${found} and ${name} exclude each other.`,
        });
      }
      found = name;
    }
    return found;
  }
}

function placeTable(operations: readonly Operation[], place: Place): PlaceTable {
  // No prototype: a query parameter named `constructor` must find nothing.
  const table = Object.create(null) as Record<string, Partial<Record<string, Operation>>>;
  for (const operation of operations) {
    if (operation.place !== place) continue;
    const name = operation.subresource ?? '';
    const methods = (table[name] ??= Object.create(null) as Partial<Record<string, Operation>>);
    assert(methods[operation.method] === undefined, `one operation for ${operation.name}`);
    methods[operation.method] = operation;
  }
  return table;
}

function notAllowed(
  methods: Readonly<Partial<Record<string, Operation>>> | undefined,
  method: string,
  place: Place,
): never {
  const allowed = Object.keys(methods ?? {});
  throw new S3Error('MethodNotAllowed', {
    headers: [['allow', allowed.join(', ')]],
    fields: { Method: method, ResourceType: place.toUpperCase() },
  });
}

function checkParameters({ name, refuses }: Operation, query: QueryParameters): void {
  if (refuses === undefined) return;
  for (const parameter of refuses) {
    if (!query.has(parameter)) continue;
    throw new S3Error('InvalidArgument', {
      message: `${name} does not take the parameter ${parameter} here.`,
      fields: { ArgumentName: parameter, ArgumentValue: query.get(parameter) ?? '' },
    });
  }
}
