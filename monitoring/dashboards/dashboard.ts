// What the dashboards are made of. In Grafana's classic model, which everything that provisions dashboards takes, from
// the sidecar of kube-prometheus-stack to the import page; the newer one needs a Grafana that not everybody has.
/* eslint-disable @typescript-eslint/no-deprecated -- the SDK would rather have the newer model */

import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as GraphBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** Whichever data source the person who looks chooses. */
const datasource = { type: 'prometheus', uid: '${datasource}' };

/** The series of the namespaces that are chosen; where nothing has a namespace, all. */
export const here = 'namespace=~"$namespace"';

export interface Panel {
  readonly title: string;
  /** Said beside the title, where that is not enough. */
  readonly description?: string;
  /** One of Grafana's units. */
  readonly unit?: 'short' | 's' | 'bytes' | 'percentunit' | 'reqps' | 'cps';
  /** PromQL by the legend of its series. */
  readonly queries: Readonly<Record<string, string>>;
  /** The newest value in large, in place of a graph. */
  readonly isNumber?: boolean;
}

export interface Dashboard {
  readonly title: string;
  readonly uid: string;
  readonly description: string;
  /** Variables beside the data source and the namespace: what their values are. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly rows: Readonly<Record<string, readonly Panel[]>>;
}

/** The dashboard as JSON. */
export function formatDashboard({ title, uid, description, variables = {}, rows }: Dashboard): string {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['tally'])
    .time({ from: 'now-3h', to: 'now' })
    .refresh('30s')
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'));
  const all = { namespace: 'label_values(tally_ready, namespace)', ...variables };
  for (const [name, values] of Object.entries(all)) builder.withVariable(variable(name, values));
  for (const [row, panels] of Object.entries(rows)) {
    builder.withRow(new RowBuilder(row));
    for (const panel of panels) builder.withPanel(panel.isNumber ? number(panel) : graph(panel));
  }
  return JSON.stringify(builder.build());
}

function variable(name: string, values: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .datasource(datasource)
    .query(values)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: ['All'], value: ['$__all'] })
    .refresh(VariableRefresh.OnTimeRangeChanged);
}

function number({ title, description = '', unit = 'short', queries }: Panel): StatBuilder {
  const builder = new StatBuilder().title(title).description(description).unit(unit).span(4).height(5);
  return withQueries(builder, queries);
}

function graph({ title, description = '', unit = 'short', queries }: Panel): GraphBuilder {
  const builder = new GraphBuilder().title(title).description(description).unit(unit).span(8).height(8);
  return withQueries(builder.min(0).fillOpacity(10), queries);
}

function withQueries<T extends StatBuilder | GraphBuilder>(builder: T, queries: Panel['queries']): T {
  builder.datasource(datasource);
  for (const [legend, expr] of Object.entries(queries)) {
    builder.withTarget(new DataqueryBuilder().datasource(datasource).expr(expr).legendFormat(legend).range());
  }
  return builder;
}
