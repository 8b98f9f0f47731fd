// What all of a head's weights have in common, for each query: the sum of exponentials and the
// largest weight as they come, and when the last chunk has come
//
//     to_factor = 32767 / largest,  out_scale = (largest * SumUnit) * (1 / float(total)).
//
// They are there HeadScalarStages and two cycles a query after the last chunk, and stay until those
// of the next head come: its last exponentials must not be before that.
module head_scalars #(
  parameter int unsigned HeadQueries = 2,
  localparam int unsigned QueryW = kv_pkg::QueryW,
  localparam int unsigned SumW = kv_pkg::PowerSumW
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  // Exponentials of a row, before the weights of these.
  input  logic                      power_valid_i,
  input  logic                      power_start_i,   // the first of its query
  input  logic                      power_done_i,    // the last of all queries
  input  logic [QueryW-1:0]         power_query_i,
  input  logic [SumW-1:0]           power_i,
  // The largest weight of a chunk, or of several at once.
  input  logic                      chunk_valid_i,
  input  logic                      chunk_start_i,
  input  logic                      chunk_done_i,    // the last of all queries
  input  logic [QueryW-1:0]         chunk_query_i,
  input  logic [30:0]               chunk_i,
  // Of each query.
  output logic                      done_o,          // all are there, from the next cycle on
  output logic [32*HeadQueries-1:0] to_factor_o,
  output logic [32*HeadQueries-1:0] out_scale_o
);
  localparam int unsigned TotalW = kv_pkg::TotalW;
  localparam int unsigned IndexW = HeadQueries == 1 ? 1 : $clog2(HeadQueries);
  // Two divisions a query begin one after the other: times at which a query's first one, and what
  // is multiplied, begin.
  localparam int unsigned TimeW = 7;
  localparam int unsigned DivideAt = fp_pkg::FromIntLatency;
  localparam int unsigned QuotientAt = DivideAt + fp_pkg::DivLatency;
  localparam int unsigned UnitAt = QuotientAt - fp_pkg::MulLatency;
  localparam int unsigned ScaleAt = QuotientAt + fp_pkg::MulLatency;
  localparam int unsigned End = ScaleAt + 2 * HeadQueries - 1;
  if (kv_pkg::HeadScalarStages != ScaleAt + 1) begin : gen_check_latency
    $error("HeadScalarStages must be those of the units");
  end
  if (End >= 2 ** TimeW) begin : gen_check_queries
    $error("TimeW must hold all times");
  end

  // Sums and largest weights as they come, and those of all.
  logic [TotalW-1:0] total_q [HeadQueries];
  logic [30:0]       largest_q [HeadQueries];
  logic [TotalW-1:0] totals_q [HeadQueries];
  logic [30:0]       largests_q [HeadQueries];
  logic [30:0]       larger;
  logic [IndexW-1:0] power_index, chunk_index;
  logic              powers_are_there_q, is_there_q, is_busy_q;
  assign power_index = power_query_i[IndexW-1:0];
  assign chunk_index = chunk_query_i[IndexW-1:0];
  fp_larger_magnitude u_larger (
    .a_i(chunk_start_i ? 31'd0 : largest_q[chunk_index]), .b_i(chunk_i), .larger_o(larger)
  );
  always_ff @(posedge clk_i) begin
    if (power_valid_i) begin
      total_q[power_index] <= (power_start_i ? '0 : total_q[power_index]) + TotalW'(power_i);
    end
    if (chunk_valid_i) largest_q[chunk_index] <= larger;
    for (int unsigned q = 0; q < HeadQueries; q++) begin
      if (powers_are_there_q) totals_q[q] <= total_q[q];
      if (is_there_q) largests_q[q] <= largest_q[q];
    end
  end

  logic [TimeW-1:0] time_q;
  assign done_o = is_busy_q && time_q == TimeW'(End);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      powers_are_there_q <= 1'b0;
      is_there_q         <= 1'b0;
      is_busy_q          <= 1'b0;
    end else begin
      powers_are_there_q <= power_valid_i && power_done_i;
      is_there_q         <= chunk_valid_i && chunk_done_i;
      is_busy_q          <= is_there_q || (is_busy_q && !done_o);
    end
    time_q <= is_busy_q ? time_q + 1'b1 : '0;
  end

  // The query whose turn it is at a time, and which of its two divisions.
  logic [TimeW-1:0] divide, quotient_turn, unit, scale_turn;
  assign divide        = time_q - TimeW'(DivideAt);
  assign quotient_turn = time_q - TimeW'(QuotientAt);
  assign unit          = time_q - TimeW'(UnitAt);
  assign scale_turn    = time_q - TimeW'(ScaleAt);

  logic [31:0] total, quotient, in_units, out_scale;
  int_to_fp #(.Width(64)) u_total (
    .clk_i, .en_i(1'b1), .int_i(64'(totals_q[time_q[IndexW:1]])), .result_o(total)
  );
  fp_div u_divide (
    .clk_i, .en_i(1'b1), .a_i(divide[0] ? fp_pkg::One : kv_pkg::MaxFactorFloat),
    .b_i(divide[0] ? total : {1'b0, largests_q[divide[IndexW:1]]}), .quotient_o(quotient)
  );
  fp_mul_normal u_units (
    .clk_i, .en_i(1'b1), .a_i({1'b0, largests_q[unit[IndexW:1]]}), .b_i(kv_pkg::SumUnit),
    .product_o(in_units)
  );
  fp_mul_normal u_scale (
    .clk_i, .en_i(1'b1), .a_i(in_units), .b_i(quotient), .product_o(out_scale)
  );
  for (genvar q = 0; q < HeadQueries; q++) begin : gen_query
    always_ff @(posedge clk_i) begin
      if (is_busy_q && quotient_turn == TimeW'(2 * q)) to_factor_o[32*q +: 32] <= quotient;
      if (is_busy_q && scale_turn == TimeW'(2 * q + 1)) out_scale_o[32*q +: 32] <= out_scale;
    end
  end
  logic unused;
  assign unused = ^{power_query_i, chunk_query_i, divide, unit};
endmodule
