// Packs an exponent and a mantissa with bits to spare, rounded to nearest even. Combinational.
//
// The exponent is one less than that of a mantissa that begins at bit 24, and the leading bit is
// added to it. So a mantissa without bit 24 is subnormal if the exponent is 0, one with bit 25 has
// an exponent one higher, and rounding carries into the exponent by itself, up to infinity.
module fp_round (
  input  logic [7:0]  exp_less_1_i,
  input  logic [25:0] man_i,         // bit 24 counts ones
  input  logic        is_inexact_i,  // something not 0 is below
  input  logic        is_infinite_i,
  input  logic        is_nan_i,
  output logic [30:0] result_o
);
  logic        is_two;
  logic [22:0] man;
  logic        up;
  always_comb begin
    is_two = man_i[25];
    if (is_two) begin
      man = man_i[24:2];
      up  = man_i[1] && (man_i[2] || man_i[0] || is_inexact_i);
    end else begin
      man = man_i[23:1];
      up  = man_i[0] && (man_i[1] || is_inexact_i);
    end
  end

  logic        is_special;
  logic [30:0] rounded;
  assign rounded    = {exp_less_1_i, man} + {6'd0, is_two, man_i[24] && !is_two, 22'd0, up};
  assign is_special = is_nan_i || is_infinite_i ||
                      (exp_less_1_i == 8'd254 && man_i[25:24] != 2'd0) ||
                      (exp_less_1_i == 8'd253 && is_two);
  assign result_o   = {rounded[30:23] | {8{is_special}},
                       (rounded[22] && !is_special) || is_nan_i,
                       rounded[21:0] & {22{!is_special}}};
endmodule
