// Softmax of heads whose scores are there: walks over the lanes' scores, then over their weights.
// Both walks go on at the same time, the second a head behind the first.
//
// A head may be offered before its scores are there. Its walk starts when all are, and Gap cycles
// after the end of the one before, so that scalars of two heads do not meet.
module weigher #(
  parameter int unsigned Lanes = 2,         // a power of two; 16 lanes are a part
  parameter int unsigned Queries = 2,
  parameter int unsigned HeadQueries = 2,
  parameter int unsigned Depth = 256,       // chunks of all heads under way
  localparam int unsigned PartLanes = Lanes < 16 ? Lanes : 16,
  localparam int unsigned Parts = Lanes / PartLanes,
  localparam int unsigned Groups = rce_pkg::Groups,
  localparam int unsigned QueryW = kv_pkg::QueryW,
  localparam int unsigned PowerW = kv_pkg::PowerW,
  localparam int unsigned TermW = kv_pkg::TermW,
  localparam int unsigned FactorW = rce_pkg::FactorW,
  localparam int unsigned ChunkW = $clog2(Depth),
  localparam int unsigned AddressW = kv_pkg::AddressW,
  localparam int unsigned SumsW = HeadQueries * Groups * rce_pkg::DspW
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  input  logic                          head_valid_i,
  output logic                          head_ready_o,
  input  kv_pkg::head_t                 head_i,
  input  logic                          level_go_i,       // there is room for a head's levels
  // The largest scores.
  input  kv_pkg::score_write_t          write_i,
  output logic [QueryW-1:0]             query_o,
  input  logic [32*Lanes-1:0]           largest_i,        // [lane], of query_o
  // The walk over scores.
  output kv_pkg::walk_t                 score_step_o,
  output logic [31:0]                   largest_o,        // a cycle later
  input  logic [PowerW*Lanes-1:0]       power_i,          // PowerStages later
  input  logic [32*Lanes-1:0]           weight_i,         // WeightStages later
  output logic                          weight_we_o,      // the same
  output logic [AddressW-1:0]           weight_address_o,
  // The walk over weights.
  output kv_pkg::walk_t                 level_step_o,
  output logic [32*Parts-1:0]           inverse_o,        // [part], a cycle later
  input  logic [Groups*TermW*Lanes-1:0] term_i,           // [lane][group], LevelStages later
  output kv_pkg::walk_t                 level_write_o,    // the step, LevelStages later
  output logic                          split_o,          // of it
  // Of values.
  input  logic [ChunkW-1:0]             chunk_i,
  output logic [Parts*Queries*FactorW-1:0] factor_o,      // [part][query], a cycle later
  output logic                          done_o,           // a head's results are there
  output logic [32*HeadQueries-1:0]     out_scale_o,      // [query]; until the next head's
  output logic [SumsW-1:0]              zero_sum_o        // [query][group]
);
  localparam int unsigned HeadsW = kv_pkg::HeadsW;
  localparam int unsigned ScalesW = 32 * HeadQueries;
  localparam int unsigned SumW = kv_pkg::PowerSumW;
  localparam int unsigned WalkW = kv_pkg::WalkW;
  localparam int unsigned IndexW = HeadQueries == 1 ? 1 : $clog2(HeadQueries);
  localparam int unsigned GapW = 7;
  localparam logic [GapW-1:0] Gap = GapW'(kv_pkg::HeadScalarStages + 2 * HeadQueries + 2);

  // Heads: scores are there; the first walk has begun; scalars are there.
  logic                scores_done, starts, has_room, has_scalars, scalars_ready, level_starts;
  logic                score_idle, level_idle, scalars_done;
  logic [HeadsW-1:0]   scored_q, head_q, walk_head_q;
  logic [GapW-1:0]     gap_q;
  kv_pkg::head_t       level_head;
  logic                has_level_head;
  assign starts       = head_valid_i && head_ready_o;
  assign head_ready_o = score_idle && has_room && gap_q == '0 && scored_q != head_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      scored_q <= '0;
      head_q   <= '0;
      gap_q    <= '0;
    end else begin
      scored_q <= scored_q + HeadsW'(scores_done);
      head_q   <= head_q + HeadsW'(starts);
      gap_q    <= score_idle ? gap_q - GapW'(gap_q != '0) : Gap;
    end
  end
  largest_scores #(.Lanes(Lanes), .HeadQueries(HeadQueries)) u_largest_scores (
    .clk_i, .rst_ni, .write_i, .query_o, .largest_i, .done_o(scores_done), .head_i(walk_head_q),
    .query_i(score_step_o.query), .largest_o
  );
  always_ff @(posedge clk_i) begin
    if (starts) walk_head_q <= head_q;
  end
  score_walk #(.Queries(Queries)) u_score_walk (
    .clk_i, .rst_ni, .start_i(starts), .head_i, .idle_o(score_idle), .walk_o(score_step_o)
  );
  // Two heads may be between the walks.
  spill_register #(.Width(kv_pkg::HeadW)) u_heads (
    .clk_i, .rst_ni, .valid_i(starts), .ready_o(has_room), .data_i(head_i),
    .valid_o(has_level_head), .ready_i(level_starts), .data_o(level_head)
  );

  // Exponentials.
  localparam int unsigned Levels = $clog2(Lanes);
  localparam int unsigned PartLevels = $clog2(PartLanes);
  logic [SumW*Lanes-1:0] powers;
  logic [SumW-1:0]       power;
  logic                  power_valid, power_start, power_done;
  logic [QueryW-1:0]     power_query;
  for (genvar i = 0; i < Lanes; i++) begin : gen_power
    assign powers[SumW*i +: SumW] = SumW'(power_i[PowerW*i +: PowerW]);
  end
  lane_tree #(
    .Lanes(Lanes), .Width(SumW), .Op(kv_pkg::TreeSum), .LaneW(PowerW)
  ) u_power (
    .clk_i, .value_i(powers), .result_o(power)
  );
  pipe_valid #(.Width(QueryW + 2), .Stages(kv_pkg::PowerStages + Levels)) u_power_step (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(score_step_o.valid),
    .data_i({score_step_o.start && score_step_o.first, score_step_o.done, score_step_o.query}),
    .valid_o(power_valid), .data_o({power_start, power_done, power_query})
  );

  // Weights, and what parts make of them. Chunks of all parts are complete at the same time.
  logic [WalkW-1:0]            weight_step;
  kv_pkg::walk_t               weight_walk;
  logic [Parts*31-1:0]         part_largest, part_chunk;
  logic [Parts-1:0]            chunk_valid;
  logic [Parts*SumsW-1:0]      part_sums;
  logic [30:0]                 chunk;
  logic                        chunk_start, chunk_done;
  logic [QueryW-1:0]           chunk_query;
  logic [31:0]                 to_factor;
  logic                        split_q;
  pipe_valid #(.Width(WalkW - 1), .Stages(kv_pkg::WeightStages)) u_weight_step (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(score_step_o.valid), .data_i(score_step_o[WalkW-2:0]),
    .valid_o(weight_step[WalkW-1]), .data_o(weight_step[WalkW-2:0])
  );
  assign weight_walk      = weight_step;
  assign weight_we_o      = weight_walk.valid;
  assign weight_address_o = weight_walk.address;
  delay_line #(.Width(QueryW + 2), .Stages(PartLevels + 2)) u_chunk_step (
    .clk_i, .clear_i(1'b0), .data_i({weight_walk.start, weight_walk.done, weight_walk.query}),
    .data_o({chunk_start, chunk_done, chunk_query})
  );
  for (genvar p = 0; p < Parts; p++) begin : gen_part
    localparam int unsigned Partner = Parts == 1 ? 0 : 1 - p;
    chunk_part #(
      .Lanes(PartLanes), .Pair(Parts == 2), .Queries(Queries), .HeadQueries(HeadQueries),
      .Depth(Depth)
    ) u_part (
      .clk_i, .rst_ni, .step_i(weight_walk), .merge_i(!split_q),
      .weight_i(weight_i[32*PartLanes*p +: 32*PartLanes]), .largest_o(part_largest[31*p +: 31]),
      .partner_i(part_largest[31*Partner +: 31]), .valid_o(chunk_valid[p]),
      .chunk_o(part_chunk[31*p +: 31]), .level_step_i(level_step_o), .split_i(split_o),
      .to_factor_i(to_factor), .inverse_o(inverse_o[32*p +: 32]),
      .term_i(term_i[Groups*TermW*PartLanes*p +: Groups*TermW*PartLanes]),
      .zero_sum_o(part_sums[SumsW*p +: SumsW]), .chunk_i,
      .factor_o(factor_o[Queries*FactorW*p +: Queries*FactorW])
    );
  end
  if (Parts == 1) begin : gen_one_part
    assign chunk = part_chunk;
  end else begin : gen_two_parts
    fp_larger_magnitude u_larger (
      .a_i(part_chunk[30:0]), .b_i(part_chunk[61:31]), .larger_o(chunk)
    );
  end
  always_ff @(posedge clk_i) begin
    if (starts) split_q <= head_i.split;
  end

  // Scalars wait for the walk that needs them.
  logic [ScalesW-1:0]   to_factors, out_scales, next_to_factors, next_out_scales;
  logic [2*ScalesW-1:0] level_scales_q;
  logic                 scalars_done_q;
  head_scalars #(.HeadQueries(HeadQueries)) u_scalars (
    .clk_i, .rst_ni, .power_valid_i(power_valid), .power_start_i(power_start),
    .power_done_i(power_done), .power_query_i(power_query), .power_i(power),
    .chunk_valid_i(chunk_valid[0]), .chunk_start_i(chunk_start), .chunk_done_i(chunk_done),
    .chunk_query_i(chunk_query), .chunk_i(chunk), .done_o(scalars_done),
    .to_factor_o(to_factors), .out_scale_o(out_scales)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) scalars_done_q <= 1'b0;
    else scalars_done_q <= scalars_done;
  end
  spill_register #(.Width(2 * ScalesW)) u_scales (
    .clk_i, .rst_ni, .valid_i(scalars_done_q), .ready_o(scalars_ready),
    .data_i({out_scales, to_factors}), .valid_o(has_scalars), .ready_i(level_starts),
    .data_o({next_out_scales, next_to_factors})
  );

  // Levels.
  logic [QueryW-1:0] level_query_q;
  logic              level_busy_q, level_done, unused_done;
  logic [WalkW-1:0]  level_write;
  assign level_starts = has_level_head && has_scalars && !level_busy_q && level_go_i;
  score_walk #(.Queries(Queries)) u_level_walk (
    .clk_i, .rst_ni, .start_i(level_starts), .head_i(level_head), .idle_o(level_idle),
    .walk_o(level_step_o)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) level_busy_q <= 1'b0;
    else level_busy_q <= level_starts || (level_busy_q && !level_done);
  end
  always_ff @(posedge clk_i) begin
    level_query_q <= level_step_o.query;
    if (level_starts) begin
      level_scales_q <= {next_out_scales, next_to_factors};
      split_o        <= level_head.split;
    end
  end
  assign to_factor = level_scales_q[32*level_query_q[IndexW-1:0] +: 32];
  pipe_valid #(.Width(WalkW - 1), .Stages(kv_pkg::LevelStages)) u_level_step (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(level_step_o.valid), .data_i(level_step_o[WalkW-2:0]),
    .valid_o(level_write[WalkW-1]), .data_o(level_write[WalkW-2:0])
  );
  pipe_valid #(.Width(1), .Stages(PartLevels + kv_pkg::ZeroSumStages)) u_done (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(level_write_o.valid && level_write_o.done),
    .data_i(1'b0), .valid_o(level_done), .data_o(unused_done)
  );
  assign level_write_o = level_write;

  // What the sums of values need at the end.
  logic [SumsW-1:0] sums;
  for (genvar i = 0; i < HeadQueries * Groups; i++) begin : gen_sum
    localparam int unsigned W = rce_pkg::DspW;
    if (Parts == 1) begin : gen_one
      assign sums[W*i +: W] = part_sums[W*i +: W];
    end else begin : gen_two
      assign sums[W*i +: W] = part_sums[W*i +: W] + part_sums[SumsW+W*i +: W];
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) done_o <= 1'b0;
    else done_o <= level_done;
  end
  always_ff @(posedge clk_i) begin
    if (level_done) begin
      zero_sum_o  <= sums;
      out_scale_o <= level_scales_q[ScalesW +: ScalesW];
    end
  end

  logic unused;
  assign unused = ^{chunk_valid, scalars_ready, level_idle, weight_walk, level_query_q};
endmodule
