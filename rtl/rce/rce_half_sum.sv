// Sum of the eight terms of half a segment, for all slots: a cascade of DSPs that add two terms of
// four slots each. Code i's terms come a cycle later than code i - 1's.
//
// A negated term is the ones' complement, one too small. WithCount adds how many there are: the two
// counts come a cycle after the last code's terms.
module rce_half_sum #(
  parameter int unsigned Slots = 4,
  parameter bit WithCount = 1'b0,
  localparam int unsigned TermsW = Slots * rce_pkg::TermW,
  localparam int unsigned SumW = rce_pkg::SumW
) (
  input  logic                  clk_i,
  input  logic [8*TermsW-1:0]   term_i,   // [code][position][slot]
  input  logic [7:0]            count_i,  // two numbers up to 8
  output logic [Slots*SumW-1:0] sum_o     // [slot]
);
  localparam int unsigned TermW = rce_pkg::TermW;
  localparam int unsigned Dsps = WithCount ? 5 : 4;
  for (genvar k = 0; k < Slots; k += 4) begin : gen_four
    logic [48*Dsps-1:0] low, high, sum, cascade;  // [DSP][field]
    for (genvar i = 0; i < 4 * Dsps; i++) begin : gen_field
      localparam int unsigned Slot = k + i % 4;
      if (Slot >= Slots) begin : gen_none
        assign low[SumW*i +: SumW] = '0;
        assign high[SumW*i +: SumW] = '0;
      end else if (i < 16) begin : gen_term
        localparam int unsigned Low = i / 4 * 2 * TermsW + Slot * TermW;
        assign low[SumW*i +: SumW] = SumW'($signed(term_i[Low +: TermW]));
        assign high[SumW*i +: SumW] = SumW'($signed(term_i[Low+TermsW +: TermW]));
      end else begin : gen_count
        assign low[SumW*i +: SumW] = SumW'(count_i[3:0]);
        assign high[SumW*i +: SumW] = SumW'(count_i[7:4]);
      end
    end
    for (genvar i = 0; i < Dsps; i++) begin : gen_dsp
      logic [47:0] pcin;
      if (i == 0) begin : gen_first
        assign pcin = '0;
      end else begin : gen_next
        assign pcin = cascade[48*(i-1) +: 48];
      end
      dsp_add4x12 #(.Cascade(i != 0)) u_add (
        .clk_i, .en_i(1'b1), .ab_i(low[48*i +: 48]), .c_i(high[48*i +: 48]), .pcin_i(pcin),
        .p_o(sum[48*i +: 48]), .pcout_o(cascade[48*i +: 48])
      );
    end
    localparam int unsigned Here = Slots - k < 4 ? Slots - k : 4;
    assign sum_o[SumW*k +: SumW*Here] = sum[48*(Dsps-1) +: SumW*Here];
    logic unused;
    assign unused = ^{sum, cascade};
  end
  if (!WithCount) begin : gen_no_count
    logic unused;
    assign unused = ^count_i;
  end
endmodule
