// The largest score of each query of the last heads, of all lanes. When a head's last score has
// come, lanes are asked for those of their queries one after another.
module largest_scores #(
  parameter int unsigned Lanes = 2,
  parameter int unsigned HeadQueries = 2,
  localparam int unsigned QueryW = kv_pkg::QueryW,
  localparam int unsigned HeadsW = kv_pkg::HeadsW
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  kv_pkg::score_write_t write_i,
  output logic [QueryW-1:0]    query_o,    // asks
  input  logic [32*Lanes-1:0]  largest_i,  // [lane]
  output logic                 done_o,     // a head's are there, from the next cycle on
  // Reads, a cycle later.
  input  logic [HeadsW-1:0]    head_i,     // a number that counts heads
  input  logic [QueryW-1:0]    query_i,
  output logic [31:0]          largest_o
);
  localparam int unsigned Levels = $clog2(Lanes);
  logic              asks_q, writes, done;
  logic [QueryW-1:0] query;
  logic [HeadsW-1:0] head_q;
  logic [31:0]       largest;
  localparam logic [QueryW-1:0] Last = QueryW'(HeadQueries - 1);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) asks_q <= 1'b0;
    else asks_q <= (write_i.valid && write_i.done) || (asks_q && query_o != Last);
    query_o <= asks_q ? query_o + 1'b1 : '0;
  end
  lane_tree #(.Lanes(Lanes), .Width(32), .Op(kv_pkg::TreeLargest)) u_tree (
    .clk_i, .value_i(largest_i), .result_o(largest)
  );
  pipe_valid #(.Width(QueryW), .Stages(Levels)) u_query (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(asks_q), .data_i(query_o), .valid_o(writes),
    .data_o(query)
  );
  assign done   = writes && query == Last;
  assign done_o = done;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) head_q <= '0;
    else head_q <= head_q + HeadsW'(done);
  end
  ram_1w1r #(
    .Width(32), .Depth(2 ** (QueryW + HeadsW)), .Style("distributed")
  ) u_largest (
    .clk_i, .we_i(writes), .waddr_i({head_q, query}), .wdata_i(largest), .re_i(1'b1),
    .raddr_i({head_i, query_i}), .rdata_o(largest_o)
  );

  logic unused;
  assign unused = ^write_i;
endmodule
