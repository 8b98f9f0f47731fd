// What a lane keeps of the beats beside its weights: row scales, and floats (biases, weights of
// norms, embeddings). A beat comes word by word, as segments get theirs.
//
// Where it is written and read is the same in all lanes: side_control says it.
module lane_side (
  input  logic         clk_i,
  input  logic [511:0] word_i,        // [segment]
  input  logic [2:0]   segment_i,     // whose word is written
  input  logic [1:0]   we_i,          // as scales, as floats
  input  logic [4:0]   waddr_i,
  input  logic [6:0]   scale_addr_i,
  output logic [15:0]  scale_o,       // a cycle later
  input  logic [5:0]   float_addr_i,
  output logic [31:0]  float_o        // a cycle later
);
  logic [63:0] word;
  mux_wide #(.Width(64), .Inputs(8)) u_word (
    .data_i(word_i), .select_i(segment_i), .data_o(word)
  );

  ram_narrow #(.Width(16), .Parts(4), .Depth(32)) u_scales (
    .clk_i, .we_i(we_i[0]), .waddr_i, .wdata_i(word), .raddr_i(scale_addr_i[6:2]),
    .part_i(scale_addr_i[1:0]), .rdata_o(scale_o)
  );
  ram_narrow #(.Width(32), .Parts(2), .Depth(32)) u_floats (
    .clk_i, .we_i(we_i[1]), .waddr_i, .wdata_i(word), .raddr_i(float_addr_i[5:1]),
    .part_i(float_addr_i[0]), .rdata_o(float_o)
  );
endmodule
