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
  output logic [15:0]  scale_o,       // combinational
  input  logic [5:0]   float_addr_i,
  output logic [31:0]  float_o        // combinational
);
  logic [63:0] word;
  assign word = word_i[64*segment_i +: 64];

  (* ram_style = "distributed" *)
  logic [63:0] scales [32];
  (* ram_style = "distributed" *)
  logic [63:0] floats [32];
  always_ff @(posedge clk_i) begin
    if (we_i[0]) scales[waddr_i] <= word;
  end
  always_ff @(posedge clk_i) begin
    if (we_i[1]) floats[waddr_i] <= word;
  end

  logic [63:0] scale_word, float_word;
  assign scale_word = scales[scale_addr_i[6:2]];
  assign float_word = floats[float_addr_i[5:1]];
  assign scale_o = scale_word[16*scale_addr_i[1:0] +: 16];
  assign float_o = float_word[32*float_addr_i[0] +: 32];
endmodule
