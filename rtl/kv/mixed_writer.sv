// Puts heads' floats where the banks have them: one of each cluster of lanes a cycle, all of the
// same query and of the same row of tiles that lie four lanes apart.
module mixed_writer #(
  parameter int unsigned Lanes       = 4,
  parameter int unsigned Slots       = 4,
  parameter int unsigned HeadQueries = 4,
  parameter int unsigned Words       = 5120,
  localparam int unsigned Queries  = Slots / 2,
  localparam int unsigned Cluster  = Lanes < 8 ? Lanes : 8,
  localparam int unsigned Clusters = Lanes / Cluster,
  localparam int unsigned AddrW    = $clog2(Words),
  localparam int unsigned TokenW   = $clog2(Slots),
  localparam int unsigned PlaceW   = $clog2(4 * Cluster * Queries),
  localparam int unsigned QueryW   = kv_pkg::QueryW,
  localparam int unsigned FoldsW   = ctrl_pkg::FoldsW,
  localparam int unsigned SetsW    = ctrl_pkg::SetsW,
  localparam int unsigned UnitW    = ctrl_pkg::UnitW
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  input  ctrl_pkg::cache_t              cache_i,
  input  logic [UnitW-1:0]              base_i,          // of the vector
  input  logic                          start_i,         // attention begins
  input  logic                          head_start_i,    // the values of a KV head do
  input  logic [HeadQueries*TokenW-1:0] query_tokens_i,  // [query]
  input  logic [HeadQueries*QueryW-1:0] query_heads_i,   // [query], see head_walker
  // Sums of a set and fold that come next.
  input  logic                          take_i,
  input  logic [SetsW-1:0]              set_i,
  input  logic [FoldsW-1:0]             fold_i,
  // Floats as value_collector gives them: [lane of the cluster][dimension][query].
  input  logic                          valid_i,
  input  logic [PlaceW-1:0]             place_i,
  input  logic [32*Clusters-1:0]        value_i,         // [cluster]
  // Writes.
  output logic [Lanes-1:0]              we_o,
  output logic [AddrW-1:0]              addr_o,
  output vector_pkg::value_t            info_o,
  output logic [32*Lanes-1:0]           value_o          // [lane]
);
  localparam int unsigned LaneW      = $clog2(Lanes);
  localparam int unsigned ClusterW   = $clog2(Cluster);
  localparam int unsigned WhichW     = $clog2(Queries);
  localparam int unsigned IndexW     = ctrl_pkg::HeadsW + QueryW;
  localparam int unsigned TileW      = IndexW + 4;
  localparam int unsigned TilesApart = 4;  // of two clusters

  // The KV head's first query head. Two sets of sums may be on their way, those of a head when the
  // next one has begun.
  logic [IndexW-1:0] next_q, head_q, first_q [2];
  logic [SetsW-1:0]  set_q [2];
  logic [FoldsW-1:0] fold_q [2];
  logic              take_set_q, out_set_q;
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      next_q     <= '0;
      take_set_q <= 1'b0;
      out_set_q  <= 1'b0;
    end else begin
      take_set_q <= take_set_q ^ take_i;
      out_set_q  <= out_set_q ^ (valid_i && place_i == '1);
    end
    if (head_start_i) begin
      head_q <= next_q;
      next_q <= next_q + IndexW'(cache_i.ratio);
    end
    if (take_i) begin
      first_q[take_set_q] <= head_q;
      set_q[take_set_q]   <= set_i;
      fold_q[take_set_q]  <= fold_i;
    end
  end

  // Which query; then which tile.
  logic [QueryW-1:0]   query;
  logic [ClusterW-1:0] lane;
  logic [1:0]          dim;
  assign query = (QueryW'(fold_q[out_set_q]) << WhichW) + (QueryW'(place_i) & QueryW'(Queries - 1));
  assign dim   = place_i[WhichW +: 2];
  assign lane  = place_i[WhichW+2 +: ClusterW];
  logic                   valid_q, valid2_q;
  logic [TokenW-1:0]      token_q, token2_q;
  logic [IndexW-1:0]      index_q;
  logic [TileW-1:0]       in_head_q, tile_q;
  logic [2:0]             row_q, row2_q;
  logic [32*Clusters-1:0] values_q, values2_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q  <= 1'b0;
      valid2_q <= 1'b0;
    end else begin
      valid_q  <= valid_i && 5'(query) < cache_i.queries;  // a fold may have places to spare
      valid2_q <= valid_q;
    end
    token_q   <= '0;
    index_q   <= first_q[out_set_q];
    for (int unsigned q = 0; q < HeadQueries; q++) begin
      if (query == QueryW'(q)) begin
        token_q <= query_tokens_i[TokenW*q +: TokenW];
        index_q <= first_q[out_set_q] + IndexW'(query_heads_i[QueryW*q +: QueryW]);
      end
    end
    // Two lanes have a tile.
    in_head_q <= ((TileW'(set_q[out_set_q]) << LaneW) + TileW'(lane)) >> 1;
    row_q     <= {lane[0], dim};
    values_q  <= value_i;

    tile_q    <= (cache_i.split ? TileW'({index_q, 3'd0}) : {index_q, 4'd0}) + in_head_q;
    token2_q  <= token_q;
    row2_q    <= row_q;
    values2_q <= values_q;
  end

  logic [UnitW+TokenW+2:0] addr;
  assign addr = {base_i + UnitW'(tile_q >> LaneW), token2_q, row2_q};
  always_ff @(posedge clk_i) begin
    addr_o <= addr[AddrW-1:0];
    info_o <= {1'b0, 1'b0, 1'b0, 1'b1, row2_q, vector_pkg::TokenW'(token2_q)};
  end
  // A lane's tile is some cluster's, or no one's. Four lanes have one value, as at most one of them
  // takes it, and so have all as far apart as the clusters' tiles go: we_o says who takes it.
  localparam int unsigned Quad = Lanes < TilesApart ? Lanes : TilesApart;
  localparam int unsigned WhoW = Clusters == 1 ? 0 : $clog2(Clusters);
  localparam int unsigned Values = 2 ** WhoW;  // that differ
  logic [32*Values-1:0] value_q;
  for (genvar i = 0; i < Values; i++) begin : gen_value
    if (Clusters == 1) begin : gen_one_cluster
      always_ff @(posedge clk_i) value_q <= values2_q;
    end else begin : gen_clusters
      logic [WhoW-1:0] who;
      assign who = WhoW'(i) - tile_q[$clog2(TilesApart) +: WhoW];
      always_ff @(posedge clk_i) value_q[32*i +: 32] <= values2_q[32*who +: 32];
    end
  end
  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    logic [LaneW-1:0] behind;
    logic             we;
    assign behind = LaneW'(l) - tile_q[LaneW-1:0];
    always_comb begin
      we = 1'b0;
      for (int unsigned c = 0; c < Clusters; c++) begin
        if (behind == LaneW'(TilesApart * c)) we = valid2_q;
      end
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni) we_o[l] <= 1'b0;
      else we_o[l] <= we;
    end
    assign value_o[32*l +: 32] = value_q[32*(l / Quad % Values) +: 32];
  end

  logic unused;
  assign unused = ^{cache_i, addr, place_i, tile_q};
endmodule
