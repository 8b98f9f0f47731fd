// Packs an exponent and a mantissa with bits to spare, rounded to nearest even. Combinational.
//
// The exponent is one less than that of a mantissa that begins at bit 24, and the leading bit is
// added to it. So a mantissa without bit 24 is subnormal if the exponent is 0, one with bit 25 has
// an exponent one higher, and rounding carries into the exponent by itself, up to infinity.
//
// Infinity and NaN have the exponent 255 and a mantissa without these bits. What goes beyond
// infinity is left to the register behind this, whose set and reset cost nothing.
module fp_round (
  input  logic [7:0]  exp_less_1_i,
  input  logic [25:0] man_i,         // bit 24 counts ones
  input  logic        is_inexact_i,  // something not 0 is below
  output logic        is_over_o,     // the result is infinite
  output logic [30:0] rounded_o      // else
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

  assign rounded_o = {exp_less_1_i, man} + {6'd0, is_two, man_i[24] && !is_two, 22'd0, up};
  assign is_over_o = (exp_less_1_i == 8'd254 && man_i[25:24] != 2'd0) ||
                     (exp_less_1_i == 8'd253 && is_two);
endmodule
