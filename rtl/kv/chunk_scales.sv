// What the weights of a chunk have in common, for each query: the largest of them, and 2167 divided
// by it. A chunk is complete with the last row that has it; its inverse can be read
// ChunkInverseStages later.
module chunk_scales #(
  parameter int unsigned Depth = 512,      // chunks times queries, a power of two
  parameter int unsigned HeadQueries = 2,
  localparam int unsigned QueryW = kv_pkg::QueryW,
  localparam int unsigned AddrW = $clog2(Depth)
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  // The largest weight of a row, of all lanes that have the chunk.
  input  logic              valid_i,
  input  logic              first_i,    // of the chunk and query
  input  logic              last_i,     // the same
  input  logic [QueryW-1:0] query_i,
  input  logic [AddrW-1:0]  chunk_i,
  input  logic [30:0]       largest_i,
  // That of the whole chunk, a cycle later.
  output logic              valid_o,
  output logic [30:0]       largest_o,
  // Reads, a cycle later.
  input  logic [AddrW-1:0]  raddr_i,
  output logic [30:0]       read_largest_o,
  output logic [31:0]       read_inverse_o
);
  localparam int unsigned IndexW = HeadQueries == 1 ? 1 : $clog2(HeadQueries);
  localparam int unsigned Latency = fp_pkg::DivLatency;
  if (kv_pkg::ChunkInverseStages != Latency + 2) begin : gen_check_latency
    $error("ChunkInverseStages is a division, and a cycle before and after it");
  end

  logic [30:0]      largest_q [HeadQueries];
  logic [30:0]      larger;
  logic [AddrW-1:0] chunk_q;
  fp_larger_magnitude u_larger (
    .a_i(first_i ? 31'd0 : largest_q[query_i[IndexW-1:0]]), .b_i(largest_i), .larger_o(larger)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= 1'b0;
    else valid_o <= valid_i && last_i;
  end
  always_ff @(posedge clk_i) begin
    if (valid_i) largest_q[query_i[IndexW-1:0]] <= larger;
    largest_o <= larger;
    chunk_q   <= chunk_i;
  end

  logic             writes;
  logic [AddrW-1:0] chunk;
  logic [31:0]      inverse;
  fp_div u_inverse (
    .clk_i, .en_i(1'b1), .a_i(kv_pkg::MaxSlotWeightFloat), .b_i({1'b0, largest_o}),
    .quotient_o(inverse)
  );
  logic [Latency-1:0] writes_q;
  assign writes = writes_q[Latency-1];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) writes_q <= '0;
    else writes_q <= {writes_q[Latency-2:0], valid_o};
  end
  delay_ring #(.Width(AddrW), .Delay(Latency)) u_chunk (
    .clk_i, .en_i(1'b1), .data_i(chunk_q), .data_o(chunk)
  );
  ram_1w1r #(.Width(31), .Depth(Depth)) u_largest (
    .clk_i, .we_i(valid_o), .waddr_i(chunk_q), .wdata_i(largest_o), .re_i(1'b1),
    .raddr_i, .rdata_o(read_largest_o)
  );
  ram_1w1r #(.Width(32), .Depth(Depth)) u_inverses (
    .clk_i, .we_i(writes), .waddr_i(chunk), .wdata_i(inverse), .re_i(1'b1),
    .raddr_i, .rdata_o(read_inverse_o)
  );

  if (HeadQueries < 2 ** QueryW) begin : gen_rest
    logic unused;
    assign unused = ^query_i;
  end
endmodule
