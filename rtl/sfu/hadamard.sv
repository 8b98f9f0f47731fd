// The Walsh-Hadamard transform of 64 or 128 dimensions, four a cycle, in the order of
// docs/numerics.md: stages at distances 1, 2, 4 and so on, of sums and differences.
//
// A vector's beats come without gaps; vectors follow each other with or without.
module hadamard (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         split_i,  // 64 dimensions; constant while anything is inside
  input  logic         valid_i,
  input  logic [127:0] beat_i,
  output logic         valid_o,  // Transform64Stages later, with 128 Transform128Stages more
  output logic [127:0] beat_o
);
  localparam int unsigned Stages = 7;
  if (head_pkg::Transform64Stages != 6 * fp_pkg::AddLatency + 15 ||
      head_pkg::Transform128Stages != fp_pkg::AddLatency + 16) begin : gen_check_stages
    $error("a stage takes an addition, and as many cycles as its pairs are beats apart");
  end

  logic [Stages:0] valid;
  logic [127:0]    beat [Stages+1];
  assign valid[0] = valid_i;
  assign beat[0]  = beat_i;
  for (genvar i = 0; i < 2; i++) begin : gen_within
    hadamard_pairs #(.Distance(1 << i)) u_stage (
      .clk_i, .rst_ni, .valid_i(valid[i]), .beat_i(beat[i]), .valid_o(valid[i+1]),
      .beat_o(beat[i+1])
    );
  end
  for (genvar i = 2; i < Stages; i++) begin : gen_between
    hadamard_stage #(.Distance(1 << (i - 2))) u_stage (
      .clk_i, .rst_ni, .valid_i(i == Stages - 1 ? valid[i] && !split_i : valid[i]),
      .beat_i(beat[i]), .valid_o(valid[i+1]), .beat_o(beat[i+1])
    );
  end
  assign valid_o = split_i ? valid[Stages-1] : valid[Stages];
  assign beat_o  = split_i ? beat[Stages-1] : beat[Stages];
endmodule
