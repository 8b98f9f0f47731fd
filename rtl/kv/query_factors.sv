// What scores of a query are multiplied by, scale * ScoreFactor, of both rotations: the one for the
// sinks comes first and waits here.
module query_factors #(
  parameter int unsigned Queries = 2  // that the engine takes at once
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic                        split_i,  // 64 dimensions
  input  logic                        valid_i,
  input  head_pkg::query_t            query_i,
  input  logic [31:0]                 scale_i,
  output logic                        we_o,     // MulLatency + 1 later, if it is not far
  output logic [kv_pkg::BankW-1:0]    bank_o,
  output logic [head_pkg::QueryW-1:0] query_o,
  output kv_pkg::factors_t            factors_o
);
  localparam int unsigned IndexW = Queries == 1 ? 1 : $clog2(Queries);

  logic             has_factor;
  logic [31:0]      factor;
  head_pkg::query_t query;
  fp_mul u_factor (
    .clk_i, .en_i(1'b1), .a_i(scale_i),
    .b_i(split_i ? head_pkg::ScoreFactor64 : head_pkg::ScoreFactor128), .product_o(factor)
  );
  pipe_valid #(.Width(head_pkg::QueryInfoW), .Stages(fp_pkg::MulLatency)) u_query (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i, .data_i(query_i), .valid_o(has_factor), .data_o(query)
  );

  logic [IndexW-1:0] index;
  logic [31:0]       sink_q [2**IndexW];
  assign index = Queries == 1 ? '0 : query.query[IndexW-1:0];
  always_ff @(posedge clk_i) begin
    if (has_factor && query.is_far) sink_q[index] <= factor;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) we_o <= 1'b0;
    else we_o <= has_factor && !query.is_far;
    bank_o    <= query.bank;
    query_o   <= query.query;
    factors_o <= {sink_q[index], factor};
  end

  logic unused;
  assign unused = query.ends_fold;
endmodule
