// Sums of values of up to 8 lanes, four dimensions each and all of one group, become
//
//     out = float(sum + zero_sum) * out_scale.
//
// Sums come dimension by dimension, the last one first, a dimension of all lanes a cycle. They
// leave one by one: lane by lane, of each its dimensions, of each the queries. There is room for
// two sets of them: the next one but one may begin, with take_i, when done_o has been high.
module value_collector #(
  parameter int unsigned Lanes = 2,    // a power of two up to 8
  parameter int unsigned Queries = 2,  // a power of two
  localparam int unsigned DspW = rce_pkg::DspW,
  localparam int unsigned LaneSumsW = Queries * DspW,
  localparam int unsigned PlaceW = $clog2(4 * Lanes * Queries),
  // Selections at multiples of powers of two are trees of multiplexers.
  localparam int unsigned SlotW = 2 ** $clog2(DspW)
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,
  // Of the next set of sums.
  input  logic                       take_i,
  input  logic [Queries*DspW-1:0]    zero_sum_i,   // [query]
  input  logic [Queries*32-1:0]      out_scale_i,  // [query]
  // Sums.
  input  logic                       valid_i,
  input  logic [1:0]                 dim_i,
  input  logic [Lanes*LaneSumsW-1:0] sum_i,        // [lane][query]
  // Results: lane, dimension, query.
  output logic                       valid_o,
  output logic [PlaceW-1:0]          place_o,
  output logic [31:0]                value_o,
  output logic                       done_o        // the last one
);
  localparam int unsigned LaneW = $clog2(Lanes);
  localparam int unsigned WhichW = $clog2(Queries);
  localparam int unsigned Stages = 3 + fp_pkg::FromIntLatency + fp_pkg::MulLatency;

  // Sets in turn: the one that is taken next, whose sums come, that leaves.
  logic                    take_set_q, sum_set_q, set_q, set2_q, set_at_scale;
  logic [1:0]              complete_q;  // sets that have not left
  logic                    complete, is_busy, ends_set;
  logic [PlaceW-1:0]       place_q;
  logic [Queries*DspW-1:0] zero_sum_q [2];
  logic [Queries*32-1:0]   out_scale_q [2];
  assign complete = valid_i && dim_i == 2'd0;
  assign is_busy  = complete_q != '0;
  assign ends_set = is_busy && place_q == '1;
  assign done_o   = valid_o && place_o == '1;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {take_set_q, sum_set_q, set_q} <= '0;
      complete_q <= '0;
      place_q    <= '0;
    end else begin
      take_set_q <= take_set_q ^ take_i;
      sum_set_q  <= sum_set_q ^ complete;
      set_q      <= set_q ^ ends_set;
      complete_q <= complete_q + 2'(complete) - 2'(ends_set);
      if (is_busy) place_q <= place_q + 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (take_i) begin
      zero_sum_q[take_set_q]  <= zero_sum_i;
      out_scale_q[take_set_q] <= out_scale_i;
    end
  end

  // What is at a place. A word has the sums of a dimension, and the RAM gives one of them.
  logic [Queries*SlotW-1:0]       wide_zero_sums;
  logic [DspW-1:0]                sum, sum_q, total_q, zero_sum, zero_q;
  logic [31:0]                    scale, converted;
  logic [PlaceW-1:0]              place2_q, place_at_scale;
  for (genvar q = 0; q < Queries; q++) begin : gen_wide_sum
    assign wide_zero_sums[SlotW*q +: SlotW] = SlotW'(zero_sum_q[set2_q][DspW*q +: DspW]);
  end
  localparam int unsigned Parts = Lanes * Queries;
  if (Parts == 1) begin : gen_one_sum
    ram_1w1r #(.Width(DspW), .Depth(8)) u_sums (
      .clk_i, .we_i(valid_i), .waddr_i({sum_set_q, dim_i}), .wdata_i(sum_i), .re_i(1'b1),
      .raddr_i({set_q, place_q}), .rdata_o(sum)
    );
  end else begin : gen_sums
    localparam int unsigned PartW = $clog2(Parts);
    logic [PartW-1:0] part;
    if (Lanes == 1) begin : gen_one_lane
      assign part = place_q[WhichW-1:0];
    end else if (Queries == 1) begin : gen_lanes
      assign part = place_q[PlaceW-1 -: LaneW];
    end else begin : gen_both
      assign part = {place_q[PlaceW-1 -: LaneW], place_q[WhichW-1:0]};
    end
    ram_narrow #(.Width(DspW), .Parts(Parts), .Depth(8)) u_sums (
      .clk_i, .we_i(valid_i), .waddr_i({sum_set_q, dim_i}), .wdata_i(sum_i),
      .raddr_i({set_q, place_q[WhichW +: 2]}), .part_i(part), .rdata_o(sum)
    );
  end
  logic unused_places;
  assign unused_places = ^{place2_q, place_at_scale, wide_zero_sums};
  if (Queries == 1) begin : gen_one_query
    assign zero_sum = wide_zero_sums[DspW-1:0];
    assign scale    = out_scale_q[set_at_scale];
  end else begin : gen_queries
    assign zero_sum = wide_zero_sums[SlotW*place2_q[WhichW-1:0] +: DspW];
    assign scale    = out_scale_q[set_at_scale][32*place_at_scale[WhichW-1:0] +: 32];
  end
  always_ff @(posedge clk_i) begin
    {set2_q, place2_q} <= {set_q, place_q};
    sum_q   <= sum;
    zero_q  <= zero_sum;
    total_q <= sum_q + zero_q;
  end
  int_to_fp #(.Width(64)) u_convert (
    .clk_i, .en_i(1'b1), .int_i(64'($signed(total_q))), .result_o(converted)
  );
  delay_line #(.Width(PlaceW + 1), .Stages(3 + fp_pkg::FromIntLatency)) u_place (
    .clk_i, .clear_i(1'b0), .data_i({set_q, place_q}), .data_o({set_at_scale, place_at_scale})
  );
  fp_mul_normal u_scale (
    .clk_i, .en_i(1'b1), .a_i(converted), .b_i(scale), .product_o(value_o)
  );
  pipe_valid #(.Width(PlaceW), .Stages(Stages)) u_out (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(is_busy), .data_i(place_q), .valid_o,
    .data_o(place_o)
  );
endmodule
