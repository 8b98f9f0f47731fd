// First half of decoding: the 64 bits of a segment become a code of four bits for each position and
// a pattern for each two of them. Where levels have two bits, the upper ones say which and how.
//
// Code c comes c mod 4 cycles later than code 0: the adders take their terms in this order.
module rce_align (
  input  logic              clk_i,
  input  logic              clear_i,
  input  rce_pkg::segment_t control_i,
  input  logic [63:0]       word_i,
  output logic [31:0]       low_o,     // [code] of positions (c, 0)
  output logic [31:0]       high_o,    // [code] of positions (c, 1)
  output logic [23:0]       pattern_o  // [code]
);
  for (genvar c = 0; c < rce_pkg::Codes; c++) begin : gen_code
    logic [7:0] raw;    // byte c
    logic [6:0] coded;  // code c of sparse24
    assign raw = word_i[8*c +: 8];
    assign coded = word_i[7*c +: 7];

    // Bits 3 and 2 of levels of two bits: 00, valid; 01, to be taken as 0; 1x, of dense2.
    logic two_bit, invalid;
    assign two_bit = control_i.format == rce_pkg::FormatSparse24
                     || control_i.format == rce_pkg::FormatDense2;
    assign invalid = coded[6] && coded[5];

    logic [3:0] low, high;
    always_comb begin
      unique case (control_i.low)
        rce_pkg::LowSparse24: low[1:0] = coded[1:0];
        rce_pkg::LowNibble: low[1:0] = raw[1:0];
        rce_pkg::LowDense2Half1: low[1:0] = raw[5:4];
        default: low[1:0] = {1'b0, raw[3]};
      endcase
      unique case (control_i.high)
        rce_pkg::HighSparse24: high[1:0] = coded[3:2];
        rce_pkg::HighNibble: high[1:0] = raw[5:4];
        rce_pkg::HighDense2Half0: high[1:0] = raw[3:2];
        default: high[1:0] = raw[7:6];
      endcase
      low[2] = two_bit ? invalid : raw[2];
      high[2] = two_bit ? invalid : raw[6];
      unique case (control_i.format)
        rce_pkg::FormatSparse24: {low[3], high[3]} = 2'b00;
        rce_pkg::FormatDense2: {low[3], high[3]} = 2'b11;
        rce_pkg::FormatSigned: {low[3], high[3]} = {raw[3], raw[7]};
        default: {low[3], high[3]} = {!raw[3], !raw[7]};
      endcase
    end

    logic [3:0] low_q, high_q;
    logic [2:0] pattern_q;
    always_ff @(posedge clk_i) begin
      low_q <= control_i.low_clear ? {3'b000, low[0]} : low;
      high_q <= control_i.high_clear ? 4'b0000 : high;
      pattern_q <= coded[6:4];
    end
    delay_line #(.Width(11), .Stages(c % 4)) u_delay (
      .clk_i, .clear_i, .data_i({low_q, high_q, pattern_q}),
      .data_o({low_o[4*c +: 4], high_o[4*c +: 4], pattern_o[3*c +: 3]})
    );
  end

  logic unused;
  assign unused = ^{control_i.multiplier, control_i.multiplier_clear,
                    control_i.load, control_i.row};
endmodule
