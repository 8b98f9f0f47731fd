// Binary32 to a signed integer: rounded to nearest even, then clamped to Low .. High. NaN becomes
// OfNan. One result a cycle.
module fp_to_int #(
  parameter int unsigned Width = 8,  // of the result, up to 24
  parameter int Low = -127,
  parameter int High = 127,
  parameter int OfNan = 0
) (
  input  logic             clk_i,
  input  logic             en_i,
  input  logic [31:0]      x_i,
  output logic [Width-1:0] int_o
);
  localparam int unsigned Latency = fp_pkg::ToIntLatency;
  localparam int unsigned MagW = Width - 1;
  if (Latency != 3) begin : gen_check_latency
    $error("fp_to_int has three stages");
  end
  if (Width < 2 || Width > 24 || Low <= -(2**MagW) || High >= 2**MagW || Low > High)
  begin : gen_check_range
    $error("Width holds Low and High, up to 24 bits");
  end

  // Stage 1: integer part, the guard bit, and whether anything follows. One place more than what is
  // in range is kept, so that all beyond is beyond 2^MagW; what is below a guard bit is the same.
  localparam logic [7:0] TopExp = 8'(127 + MagW - 1);  // of the highest bit of the integer part
  logic [8:0]      right;
  logic            is_over, is_under;
  logic [23:0]     fixed;
  logic            is_lost;
  logic [MagW-1:0] whole_q;
  logic            guard_q, rest_q, is_over_q, is_nan_q, sign_q;
  assign right    = {1'b0, TopExp} - {1'b0, x_i[30:23]};
  assign is_over  = right[8];
  assign is_under = right[7:5] != 3'd0;
  fp_shift_right #(.InW(24), .AmountW(5)) u_shift (
    .value_i({1'b1, x_i[22:0]}), .amount_i(right[4:0] | {5{is_under}}), .shifted_o(fixed),
    .is_inexact_o(is_lost)
  );
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      {whole_q, guard_q} <= fixed[23 -: MagW+1];
      rest_q    <= is_lost || (fixed << (MagW + 1)) != '0;
      is_over_q <= is_over;
      is_nan_q  <= x_i[30:23] == 8'hFF && x_i[22:0] != 23'd0;
      sign_q    <= x_i[31];
    end
  end

  // Stage 2: rounding and sign: -(n + 1) is ~n, -n is ~n + 1.
  logic                    up, adds_one;
  logic signed [Width-1:0] rounded_q;
  logic                    is_over2_q, is_nan2_q, sign2_q;
  assign up       = guard_q && (rest_q || whole_q[0]);
  assign adds_one = up ^ sign_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      rounded_q  <= ({1'b0, whole_q} ^ {Width{sign_q}}) + Width'(adds_one);
      is_over2_q <= is_over_q;
      is_nan2_q  <= is_nan_q;
      sign2_q    <= sign_q;
    end
  end

  // Stage 3: limits. Rounding up to 2^MagW looks negative.
  localparam logic signed [Width-1:0] Lowest = Width'(Low);
  localparam logic signed [Width-1:0] Highest = Width'(High);
  logic is_high, is_low;
  assign is_high = !sign2_q && (is_over2_q || rounded_q[Width-1] || rounded_q > Highest);
  assign is_low  = sign2_q && (is_over2_q || rounded_q < Lowest);
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      if (is_nan2_q) int_o <= Width'(OfNan);
      else if (is_high) int_o <= Highest;
      else if (is_low) int_o <= Lowest;
      else int_o <= rounded_q;
    end
  end
endmodule
