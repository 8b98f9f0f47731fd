// Square root of binary32, rounded to nearest even, a bit in each cycle. An operation takes 27
// cycles and the result's handshake. A root is never subnormal, never halfway between two numbers,
// and never infinite unless its operand is.
module fp_sqrt (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        valid_i,
  output logic        ready_o,
  input  logic [31:0] x_i,
  output logic        valid_o,
  input  logic        ready_i,
  output logic [31:0] root_o
);
  localparam int unsigned Bits = 25;  // 24 and one that rounds

  localparam logic [4:0] Round = 5'(Bits);
  localparam logic [4:0] Done  = 5'(Bits + 1);
  logic [4:0] step_q;
  logic       is_busy_q;
  assign ready_o = !is_busy_q;
  assign valid_o = is_busy_q && step_q == Done;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      is_busy_q <= 1'b0;
    end else if (!is_busy_q) begin
      is_busy_q <= valid_i;
      step_q    <= 5'd0;
    end else if (step_q != Done) begin
      step_q <= step_q + 5'd1;
    end else if (ready_i) begin
      is_busy_q <= 1'b0;
    end
  end

  logic [23:0]       man;
  logic signed [9:0] exp;
  logic              is_zero, is_infinite, is_nan;
  fp_normalize u_normalize (
    .value_i(x_i[30:0]), .man_o(man), .exp_o(exp), .is_zero_o(is_zero),
    .is_infinite_o(is_infinite), .is_nan_o(is_nan)
  );

  // The radicand, 1 to 4, two bits a step; its exponent is made even by the bias of 127, an odd
  // one.
  logic        is_odd;
  logic [24:0] radicand_q;
  logic [7:0]  exp_less_1_q;
  logic        sign_q, is_zero_q, is_infinite_q, is_nan_q;
  assign is_odd = !exp[0];

  // Digit by digit: the remainder takes two bits, and 4 root + 1 is subtracted if it can be.
  logic [24:0] root_q;
  logic [25:0] remainder_q;
  logic [27:0] taken, reduced;
  logic        fits, unused_bit;
  assign taken   = {remainder_q, radicand_q[24:23]};
  assign reduced = taken - {1'b0, root_q, 2'b01};
  assign fits    = !reduced[27];
  assign unused_bit = reduced[26];  // 0 if it fits

  always_ff @(posedge clk_i) begin
    if (ready_o) begin
      radicand_q    <= is_odd ? {man, 1'b0} : {1'b0, man};
      exp_less_1_q  <= 8'((exp + 10'sd125) >> 1);
      sign_q        <= x_i[31];
      is_zero_q     <= is_zero;
      is_infinite_q <= is_infinite;
      is_nan_q      <= is_nan || (x_i[31] && !is_zero);
      remainder_q   <= '0;
      root_q        <= '0;
    end else if (step_q < Round) begin
      radicand_q  <= {radicand_q[22:0], 2'b00};
      remainder_q <= fits ? reduced[25:0] : taken[25:0];
      root_q      <= {root_q[23:0], fits};
    end
  end

  logic        unused_over;
  logic [30:0] rounded;
  fp_round u_round (
    .exp_less_1_i(exp_less_1_q), .man_i({1'b0, root_q}), .is_inexact_i(1'b1),
    .is_over_o(unused_over), .rounded_o(rounded)
  );
  always_ff @(posedge clk_i) begin
    if (step_q == Round) begin
      root_o[31] <= sign_q;
      if (is_nan_q) root_o[30:0] <= fp_pkg::QuietNan[30:0];
      else if (is_infinite_q) root_o[30:0] <= fp_pkg::Infinity[30:0];
      else if (is_zero_q) root_o[30:0] <= 31'd0;
      else root_o[30:0] <= rounded;
    end
  end
endmodule
