// Chunks of up to 16 lanes, a part of a machine: what their weights have in common, factors, and
// what zero points add. Where a chunk is in two parts (Pair without split), each part knows the
// largest weight of both.
module chunk_part #(
  parameter int unsigned Lanes = 2,        // of the part, a power of two up to 16
  parameter bit Pair = 1'b0,
  parameter int unsigned Queries = 2,      // of the engine, a power of two
  parameter int unsigned HeadQueries = 2,
  parameter int unsigned Depth = 256,      // chunks of all heads under way
  localparam int unsigned FactorW = rce_pkg::FactorW,
  localparam int unsigned Groups = rce_pkg::Groups,
  localparam int unsigned TermW = kv_pkg::TermW,
  localparam int unsigned ChunkW = $clog2(Depth),
  localparam int unsigned SumsW = HeadQueries * Groups * rce_pkg::DspW
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  // Weights of a step of the walk.
  input  kv_pkg::walk_t                 step_i,
  input  logic                          merge_i,      // a chunk is in both parts
  input  logic [32*Lanes-1:0]           weight_i,
  output logic [30:0]                   largest_o,    // of the part, log2(Lanes) later
  input  logic [30:0]                   partner_i,    // of the other part
  output logic                          valid_o,      // two cycles later
  output logic [30:0]                   chunk_o,      // the largest of a chunk
  // Levels: a step of the walk.
  input  kv_pkg::walk_t                 level_step_i,
  input  logic                          split_i,
  input  logic [31:0]                   to_factor_i,  // a cycle later
  output logic [31:0]                   inverse_o,    // a cycle later
  input  logic [Groups*TermW*Lanes-1:0] term_i,       // [lane][group], LevelStages later
  output logic [SumsW-1:0]              zero_sum_o,   // [query][group]
  // Factors of values.
  input  logic [ChunkW-1:0]             chunk_i,
  output logic [Queries*FactorW-1:0]    factor_o      // [query], a cycle later
);
  // Places of what belongs to a chunk and a query.
  localparam int unsigned WhichW = $clog2(Queries);
  localparam int unsigned AddrW = ChunkW + WhichW;
  localparam logic [kv_pkg::QueryW-1:0] InGroup = kv_pkg::QueryW'(Queries - 1);
  localparam int unsigned Levels = $clog2(Lanes);
  localparam int unsigned QueryW = kv_pkg::QueryW;
  localparam int unsigned AddressW = kv_pkg::AddressW;
  localparam int unsigned TermSumW = kv_pkg::TermSumW;
  localparam int unsigned FactorStages = 1 + fp_pkg::MulLatency + fp_pkg::ToIntLatency;

  // The largest weight of a row.
  localparam int unsigned RowW = 2 + QueryW + AddressW;
  logic              row_valid, row_first, row_last, rows_valid_q, rows_first_q, rows_last_q;
  logic [QueryW-1:0] row_query, rows_query_q;
  logic [AddressW-1:0] row_chunk, rows_chunk_q;
  logic [31:0]       row_largest;
  logic [30:0]       merged, merged_q;
  lane_tree #(.Lanes(Lanes), .Width(32), .Op(kv_pkg::TreeMagnitude)) u_largest (
    .clk_i, .value_i(weight_i), .result_o(row_largest)
  );
  pipe_valid #(.Width(RowW), .Stages(Levels)) u_row (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(step_i.valid),
    .data_i({step_i.first, step_i.last, step_i.query, step_i.chunk}), .valid_o(row_valid),
    .data_o({row_first, row_last, row_query, row_chunk})
  );
  assign largest_o = row_largest[30:0];
  if (Pair) begin : gen_pair
    logic [30:0] larger;
    fp_larger_magnitude u_larger (.a_i(largest_o), .b_i(partner_i), .larger_o(larger));
    assign merged = merge_i ? larger : largest_o;
  end else begin : gen_alone
    logic unused_partner;
    assign unused_partner = ^{merge_i, partner_i};
    assign merged = largest_o;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) rows_valid_q <= 1'b0;
    else rows_valid_q <= row_valid;
  end
  always_ff @(posedge clk_i) begin
    merged_q <= merged;
    {rows_first_q, rows_last_q, rows_query_q, rows_chunk_q}
        <= {row_first, row_last, row_query, row_chunk};
  end

  logic [30:0]      level_largest;
  logic [AddrW-1:0] row_place, level_place;
  if (Queries == 1) begin : gen_one_query
    assign row_place   = rows_chunk_q[ChunkW-1:0];
    assign level_place = level_step_i.chunk[ChunkW-1:0];
  end else begin : gen_queries
    assign row_place   = {rows_chunk_q[ChunkW-1:0], rows_query_q[WhichW-1:0]};
    assign level_place = {level_step_i.chunk[ChunkW-1:0], level_step_i.query[WhichW-1:0]};
  end
  chunk_scales #(.Depth(Depth * Queries), .HeadQueries(HeadQueries)) u_scales (
    .clk_i, .rst_ni, .valid_i(rows_valid_q), .first_i(rows_first_q), .last_i(rows_last_q),
    .query_i(rows_query_q), .chunk_i(row_place), .largest_i(merged_q),
    .valid_o, .largest_o(chunk_o), .raddr_i(level_place),
    .read_largest_o(level_largest), .read_inverse_o(inverse_o)
  );

  // Factors.
  logic [31:0]        scaled;
  logic [FactorW:0]   factor;
  logic               factor_valid;
  logic [ChunkW-1:0]  factor_chunk;
  logic [QueryW-1:0]  factor_query;
  fp_mul_normal u_factor (
    .clk_i, .en_i(1'b1), .a_i({1'b0, level_largest}), .b_i(to_factor_i), .product_o(scaled)
  );
  fp_to_int #(.Width(FactorW + 1), .Low(0), .High(kv_pkg::MaxFactor), .OfNan(0)) u_whole (
    .clk_i, .en_i(1'b1), .x_i(scaled), .int_o(factor)
  );
  pipe_valid #(.Width(ChunkW + QueryW), .Stages(FactorStages)) u_factor_row (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(level_step_i.valid),
    .data_i({level_step_i.chunk[ChunkW-1:0], level_step_i.query}), .valid_o(factor_valid),
    .data_o({factor_chunk, factor_query})
  );
  for (genvar q = 0; q < Queries; q++) begin : gen_factor
    ram_1w1r #(.Width(FactorW), .Depth(Depth)) u_factors (
      .clk_i, .we_i(factor_valid && (factor_query & InGroup) == QueryW'(q)),
      .waddr_i(factor_chunk), .wdata_i(factor[FactorW-1:0]), .re_i(1'b1), .raddr_i(chunk_i),
      .rdata_o(factor_o[FactorW*q +: FactorW])
    );
  end

  // Terms of zero points, of all lanes, meet their factor.
  localparam int unsigned SumStages = kv_pkg::LevelStages + Levels;
  logic [Groups*TermSumW-1:0] terms;
  logic                       term_valid, term_start, term_half;
  logic [QueryW-1:0]          term_query;
  logic [FactorW-1:0]         term_factor;
  for (genvar g = 0; g < Groups; g++) begin : gen_group
    logic [TermSumW*Lanes-1:0] term;
    for (genvar i = 0; i < Lanes; i++) begin : gen_lane
      assign term[TermSumW*i +: TermSumW] =
          TermSumW'($signed(term_i[TermW*(Groups*i+g) +: TermW]));
    end
    lane_tree #(
      .Lanes(Lanes), .Width(TermSumW), .Op(kv_pkg::TreeSum), .LaneW(TermW), .IsSigned(1'b1)
    ) u_sum (
      .clk_i, .value_i(term), .result_o(terms[TermSumW*g +: TermSumW])
    );
  end
  pipe_valid #(.Width(QueryW + 2), .Stages(SumStages)) u_term_row (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(level_step_i.valid),
    .data_i({level_step_i.start && level_step_i.first, level_step_i.half, level_step_i.query}),
    .valid_o(term_valid), .data_o({term_start, term_half, term_query})
  );
  delay_ring #(.Width(FactorW), .Delay(SumStages - FactorStages)) u_term_factor (
    .clk_i, .en_i(1'b1), .data_i(factor[FactorW-1:0]), .data_o(term_factor)
  );
  zero_sums #(.HeadQueries(HeadQueries)) u_zero_sums (
    .clk_i, .rst_ni, .valid_i(term_valid), .start_i(term_start), .query_i(term_query), .split_i,
    .half_i(term_half), .term_i(terms), .factor_i(term_factor), .sum_o(zero_sum_o)
  );

  logic unused;
  assign unused = ^{step_i, level_step_i, factor[FactorW], row_largest[31], rows_chunk_q};
endmodule
