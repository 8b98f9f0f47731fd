// 1 / sqrt(sum / n + eps): what RMSNorm multiplies a vector by. One step after the other: a
// division, a sum, a root and a division on the same divider, in 95 cycles.
module rms_scale (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        valid_i,
  output logic        ready_o,
  input  logic [31:0] sum_i,
  input  logic [31:0] n_i,       // elements of the vector, as a float
  input  logic [31:0] eps_i,     // stays until the result has come
  output logic        valid_o,
  input  logic        ready_i,
  output logic [31:0] inverse_o
);
  localparam logic [2:0] Idle   = 3'd0;
  localparam logic [2:0] Mean   = 3'd1;
  localparam logic [2:0] Add    = 3'd2;
  localparam logic [2:0] Root   = 3'd3;
  localparam logic [2:0] Invert = 3'd4;
  logic [2:0] state_q;
  logic [1:0] adding_q;
  logic       quotient_valid, root_valid, is_added;
  if (fp_pkg::AddLatency != 4) begin : gen_check_latency
    $error("rms_scale waits four cycles for a sum");
  end
  assign is_added = adding_q == 2'd3;
  assign ready_o  = state_q == Idle;
  assign valid_o  = state_q == Invert && quotient_valid;
  always_ff @(posedge clk_i) begin
    adding_q <= state_q == Add ? adding_q + 2'd1 : 2'd0;
    if (!rst_ni) begin
      state_q <= Idle;
    end else begin
      unique case (state_q)
        Idle:    if (valid_i) state_q <= Mean;
        Mean:    if (quotient_valid) state_q <= Add;
        Add:     if (is_added) state_q <= Root;
        Root:    if (root_valid) state_q <= Invert;
        default: if (quotient_valid && ready_i) state_q <= Idle;
      endcase
    end
  end

  // Divider and root are idle when they are asked, so their ready is not looked at.
  logic [31:0] quotient, shifted, root;
  logic        unused_divide_ready, unused_root_ready;
  fp_div_iter u_divide (
    .clk_i, .rst_ni, .valid_i((state_q == Idle && valid_i) || (state_q == Root && root_valid)),
    .ready_o(unused_divide_ready), .a_i(state_q == Idle ? sum_i : fp_pkg::One),
    .b_i(state_q == Idle ? n_i : root), .valid_o(quotient_valid),
    .ready_i(state_q == Mean || (state_q == Invert && ready_i)), .quotient_o(quotient)
  );
  fp_add u_add (.clk_i, .en_i(1'b1), .a_i(quotient), .b_i(eps_i), .sum_o(shifted));
  fp_sqrt u_root (
    .clk_i, .rst_ni, .valid_i(state_q == Add && is_added), .ready_o(unused_root_ready),
    .x_i(shifted), .valid_o(root_valid), .ready_i(state_q == Root), .root_o(root)
  );
  assign inverse_o = quotient;
endmodule
