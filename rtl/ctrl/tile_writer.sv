// Collects eight words of every lane and offers them to the memory channels as half a beat: to
// those of some lanes, and of the half some bytes. Where it goes is known with the last word at the
// latest and stays until taken_o; until then no other word comes.
module tile_writer #(
  parameter int unsigned Lanes = 4,
  localparam int unsigned TileW = accllm_pkg::BeatBytes * 8 / 2
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   word_valid_i,
  input  logic                   last_i,       // the eighth
  input  logic [32*Lanes-1:0]    word_i,       // [lane]
  input  logic [31:0]            stripe_i,
  input  logic                   is_upper_i,   // half of the beat
  input  logic [Lanes-1:0]       lanes_i,      // that write: one at least
  input  logic [TileW/8-1:0]     strobe_i,     // bytes of the half
  output logic                   taken_o,      // by all of them: a word may come in the next cycle
  // To the channels.
  output logic [Lanes-1:0]       valid_o,
  input  logic [Lanes-1:0]       ready_i,
  output logic [31:0]            stripe_o,
  output logic                   is_upper_o,
  output logic [TileW*Lanes-1:0] tile_o,       // [lane][word]
  output logic [TileW/8-1:0]     strobe_o
);
  assign stripe_o   = stripe_i;
  assign is_upper_o = is_upper_i;
  assign strobe_o   = strobe_i;

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    logic [TileW-1:0] tile_q;
    always_ff @(posedge clk_i) begin
      if (word_valid_i) tile_q <= {word_i[32*l +: 32], tile_q[TileW-1:32]};
    end
    assign tile_o[TileW*l +: TileW] = tile_q;
  end

  logic [Lanes-1:0] left;
  assign left    = valid_o & ~ready_i;
  assign taken_o = valid_o != '0 && left == '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= '0;
    else if (word_valid_i && last_i) valid_o <= lanes_i;
    else valid_o <= left;
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && word_valid_i) begin
      assert (valid_o == '0) else $error("a word before the last half was taken");
      assert (!last_i || lanes_i != '0) else $error("half a beat for no lane");
    end
  end
`endif
endmodule
